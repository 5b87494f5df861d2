"""The social platform: what the mandate obliges, and a village market to try it on."""
