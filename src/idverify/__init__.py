"""What an order to prove one's identity on social media costs, gives away and stops, measured."""

__version__ = "0.1.0"
