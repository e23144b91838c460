"""Measurements that are not tests: speed against peers."""
