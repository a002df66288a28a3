// This file lets iouring.go declare a function without body.
