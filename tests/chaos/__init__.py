"""Chaos: random sequences of every fault of the lab, and an oracle that judges what the pair made of them.

``plan`` draws the steps, ``faults`` does them to a lab, ``play`` runs a round, ``observer`` records the truth beside
it, ``rules``, ``counters`` and ``oracle`` judge the record, ``minimise`` shortens a failing sequence. What judges
imports nothing of the exporter, nor of the stack: it would repeat their mistakes.
"""
