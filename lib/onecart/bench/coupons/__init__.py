"""Who redeems a campaign's coupons: a model beside the lists that shops make, on campaigns held back in time."""
