"""Truth about a highly available DNS pair: who owns the VIP, does it resolve, is it redundant."""

__version__ = "1.0.0"
