module example.com/own-server

go 1.26
