// Package statistics holds the tests and intervals by which the load generator
// judges itself. It knows nothing of loads: each function's comment has its
// definition, its source and its edge cases.
package statistics
