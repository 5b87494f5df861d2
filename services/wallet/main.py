"""The wallet service, wired from IDVERIFY_ settings: `python services/wallet/main.py`."""
