package fault

import (
	"net"
	"sync"
)

// connPool keeps TCP connections to one address; it grows to as many as are used at a time.
type connPool struct {
	address *net.TCPAddr
	// mostUses is after how many uses a connection is closed; 0: never.
	mostUses int
	// opened is called with each new connection before its first use, unless it is nil.
	opened func(*net.TCPConn) error

	mutex sync.Mutex
	idle  []pooledConn
}

type pooledConn struct {
	*net.TCPConn
	uses int
}

// use calls talk with a connection that nobody else uses, and keeps it unless talk fails or it was
// its last use.
func (p *connPool) use(talk func(*net.TCPConn) error) error {
	conn, err := p.take()
	if err != nil {
		return err
	}
	conn.uses++
	if err := talk(conn.TCPConn); err != nil {
		conn.Close()
		return err
	}
	if conn.uses == p.mostUses {
		return conn.Close()
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.idle = append(p.idle, conn)
	return nil
}

func (p *connPool) take() (pooledConn, error) {
	p.mutex.Lock()
	if last := len(p.idle) - 1; last >= 0 {
		conn := p.idle[last]
		p.idle = p.idle[:last]
		p.mutex.Unlock()
		return conn, nil
	}
	p.mutex.Unlock()
	conn, err := net.DialTCP("tcp", nil, p.address)
	if err != nil || p.opened == nil {
		return pooledConn{TCPConn: conn}, err
	}
	if err := p.opened(conn); err != nil {
		conn.Close()
		return pooledConn{}, err
	}
	return pooledConn{TCPConn: conn}, nil
}
