"""Coverage-guided fuzzing of everything that reads what others wrote: `make fuzz`.

A target is a module in `targets` with two functions:

* `seeds()`: real messages, from which the fuzzer starts;
* `check(data)`: reads `data` and returns whether it was understood. Being refused with the error
  that the parser promises is fine, every other exception is a finding, and so is what an assertion
  in it denies.

`corpus/TARGET` keeps inputs that earlier runs found worth keeping: those that reach code which the
seeds do not, and those that once broke something. `make test` runs all of them.
"""
