// The process that holds a pod's sandbox open until it is told to end, and buries the dead of a shared process namespace.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for received := range signals {
		if received == syscall.SIGTERM || received == syscall.SIGINT {
			os.Exit(0)
		}
		bury()
	}
}

func bury() {
	for {
		id, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err != nil || id <= 0 {
			return
		}
	}
}
