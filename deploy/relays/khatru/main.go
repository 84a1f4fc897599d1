// A relay of khatru's own parts for load tests: Badger for a store, NIP-11 and health check. It has no policies,
// unless khatru's sane defaults (a few events and connections an address) are asked for, or that whoever asks has to say
// who it is (NIP-42).
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/fiatjaf/eventstore/badger"
	"github.com/fiatjaf/khatru"
	"github.com/fiatjaf/khatru/policies"
)

func main() {
	health := flag.Bool("health", false, "ask the relay in this container whether it answers")
	path := flag.String("db", "/data/badger", "folder of the database")
	address := flag.String("listen", ":3334", "address to listen on")
	sane := flag.Bool("sane-defaults", false, "have khatru's sane defaults")
	auth := flag.Bool("auth", false, "answer REQs of those only who said who they are (NIP-42)")
	flag.Parse()
	if *health {
		os.Exit(check(*address))
	}
	if err := serve(*path, *address, *sane, *auth); err != nil {
		log.Fatal(err)
	}
}

func serve(path, address string, sane, auth bool) error {
	db := badger.BadgerBackend{Path: path}
	if err := db.Init(); err != nil {
		return err
	}
	defer db.Close()
	relay := khatru.NewRelay()
	relay.Info.Name = "khatru under load test"
	relay.Info.Description = "An isolated relay for load tests."
	relay.StoreEvent = append(relay.StoreEvent, db.SaveEvent)
	relay.QueryEvents = append(relay.QueryEvents, db.QueryEvents)
	relay.CountEvents = append(relay.CountEvents, db.CountEvents)
	relay.DeleteEvent = append(relay.DeleteEvent, db.DeleteEvent)
	relay.ReplaceEvent = append(relay.ReplaceEvent, db.ReplaceEvent)
	if sane {
		policies.ApplySaneDefaults(relay)
	}
	if auth {
		relay.RejectFilter = append(relay.RejectFilter, policies.MustAuth)
	}
	return http.ListenAndServe(address, relay)
}

func check(address string) int {
	client := http.Client{Timeout: 2 * time.Second}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return 1
	}
	if host == "" {
		host = "127.0.0.1"
	}
	response, err := client.Get("http://" + net.JoinHostPort(host, port) + "/")
	if err != nil {
		return 1
	}
	response.Body.Close()
	return 0
}
