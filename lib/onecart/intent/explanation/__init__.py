"""Why a row has its probability."""
