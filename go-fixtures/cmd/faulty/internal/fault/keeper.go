package fault

import "sync"

// keeper holds what is put into it for ever, as a cache without a limit does.
type keeper[T any] struct {
	mutex sync.Mutex
	kept  []T
}

func (k *keeper[T]) keep(value T) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.kept = append(k.kept, value)
}
