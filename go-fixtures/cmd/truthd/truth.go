package main

import "pollgate/go-fixtures/internal/truthproto"

// truthProtocol serves package truthproto's protocol.
type truthProtocol struct {
	server *server
	reply  [truthproto.ReplySize]byte
}

func (t *truthProtocol) take(c *conn, p []byte, beganNs int64) (used int) {
	if len(p) < truthproto.RequestSize {
		return 0
	}
	request := truthproto.GetRequest(p)
	if request.ServiceNs > truthproto.MaxServiceNs {
		t.server.close(c)
		return truthproto.RequestSize
	}
	wroteNs, ok := t.server.busy(beganNs + int64(request.ServiceNs))
	if !ok {
		return truthproto.RequestSize
	}
	truthproto.PutReply(t.reply[:], truthproto.Reply{
		Sequence:        request.Sequence,
		ServiceNs:       request.ServiceNs,
		BeganNs:         beganNs,
		WroteNs:         wroteNs,
		PreviousFreedNs: t.server.freedNs,
	})
	t.server.finish(c, t.reply[:], beganNs, wroteNs)
	return truthproto.RequestSize
}
