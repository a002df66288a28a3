package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// handshakes: 37 TLS handshakes that succeed and 5 that the client breaks off, each seen by both sides,
// and a read and a write over each connection.
func handshakes() {
	certificate, pool := selfSigned()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	start()
	for range 37 {
		if !shakeHands(listener, certificate, &tls.Config{RootCAs: pool, ServerName: "workload"}) {
			fail("a handshake failed")
		}
	}
	for range 5 {
		if shakeHands(listener, certificate, &tls.Config{ServerName: "workload"}) {
			fail("a certificate of an unknown authority was taken")
		}
	}
}

// shakeHands tells whether both sides succeeded; neither goes on before the other one has ended.
func shakeHands(listener net.Listener, certificate tls.Certificate, config *tls.Config) bool {
	served := make(chan error)
	go func() {
		server, err := listener.Accept()
		check(err)
		accepted := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate}})
		err = accepted.Handshake()
		if err == nil {
			_, err = accepted.Read(make([]byte, 1))
		}
		server.Close()
		served <- err
	}()
	client, err := net.Dial("tcp", listener.Addr().String())
	check(err)
	connected := tls.Client(client, config)
	_, err = connected.Write([]byte{1}) // shakes hands first
	client.Close()
	return <-served == nil && err == nil
}

func selfSigned() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "workload"},
		DNSNames: []string{"workload"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(err)
	leaf, err := x509.ParseCertificate(der)
	check(err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
