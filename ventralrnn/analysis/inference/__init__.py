"""How sure a comparison is: noise ceilings, bootstraps, permutations, tests over time."""
