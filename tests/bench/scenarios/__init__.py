"""What is done to the hub: each scenario is a function from a running hub to rows of figures."""
