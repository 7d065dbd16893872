"""What the owner of a node does with it: drain, update, sync, back up, restore and rehearse a failover."""
