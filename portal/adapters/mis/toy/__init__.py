"""A made-up MIS, the worked example of docs/howto/add-a-mis.md: little more than a clinic's diary behind HTTP."""

from portal.adapters.mis.toy.system import System as System
