"""What a treatment changes, customer by customer: learned from experiments, judged on held-out rows."""
