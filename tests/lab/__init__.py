"""A real pair in private namespaces: two nodes, each with its daemons, behind one VIP, and a client.

``lab.Lab`` is what tests and benches use; ``fixtures`` has it for pytest; ``python -m tests.lab`` puts a command where
a lab can be made. Nothing is imported here: the samplers are processes of their own and have to start fast.
"""
