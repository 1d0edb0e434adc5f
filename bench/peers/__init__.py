"""What stands beside Watchbill in the benches, each as a process of its own."""
