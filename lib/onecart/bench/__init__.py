"""Measurements that take long: `onecart bench NAME`, each in one run on one machine, on the same records for everybody."""
