"""Faults on purpose: proxies that misbehave by a seed, a checker that trusts nobody, a campaign.

``proxy`` stands between Plumb and a real server, ``schedule`` says when it does what, ``history``
draws what people do meanwhile, ``driver`` starts runs, ``checker`` judges, ``campaign`` repeats.
"""
