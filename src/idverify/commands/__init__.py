"""What each command of `idverify` does; imported only when it is called."""
