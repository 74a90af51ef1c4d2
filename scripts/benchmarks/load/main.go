// load: the load generator of `scripts/bench server`, the same for every server it is pointed at.
//
// Does: logs in, uploads, holds sessions open or waits for reports, with a number of sessions at once, and prints
//
//	how long each took as one JSON object.
//
// Needs: Go and Debian's golang-github-pkg-sftp-dev. Outside Python, so that the client is no part of what is compared.
// Does not: measure the server; `servers.py` reads its processor time and memory.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// Account is who logs in, and where that account delivers and collects.
type Account struct {
	User   string `json:"user"`
	Key    string `json:"key"`
	Inbox  string `json:"inbox"`
	Outbox string `json:"outbox"`
	Name   string `json:"name"`
	Code   string `json:"code"`
}

type result struct {
	Seconds float64   `json:"seconds"` // of everything together
	Each    []float64 `json:"each"`    // of each login or upload
	Reports []float64 `json:"reports"` // from the answer to CLOSE to the report in the outbox's listing
	Errors  []string  `json:"errors"`
}

var (
	address  = flag.String("address", "", "host:port")
	accounts = flag.String("accounts", "", "a JSON list of accounts; session i takes account i")
	mode     = flag.String("mode", "login", "login, put, once, drop or idle")
	sessions = flag.Int("sessions", 1, "at once")
	count    = flag.Int("count", 1, "logins or files per session")
	file     = flag.String("file", "", "what is uploaded; @@@@@@@@ in it becomes a number, so that no two are equal, #### the account's code")
	first    = flag.Int("first", 0, "where these numbers begin")
)

const (
	mark     = "@@@@@@@@"
	codeMark = "####"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func login(who Account, signer ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", *address, &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: []string{"curve25519-sha256"},
			Ciphers:      []string{"aes128-gcm@openssh.com"},
		},
		User:              who.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		// The server is our own, on the loopback interface, and its key was made a moment ago.
		HostKeyCallback: func(string, net.Addr, ssh.PublicKey) error { return nil },
		Timeout:         30 * time.Second,
	})
}

func open(client *ssh.Client) (*sftp.Client, error) {
	return sftp.NewClient(client, sftp.UseConcurrentWrites(true), sftp.MaxConcurrentRequestsPerFile(64))
}

func filled(body []byte, who Account, number int) []byte {
	body = bytes.ReplaceAll(body, []byte(mark), []byte(fmt.Sprintf("%08d", number)))
	return bytes.ReplaceAll(body, []byte(codeMark), []byte(who.Code))
}

func put(client *sftp.Client, who Account, body []byte, number int) error {
	name := strings.ReplaceAll(who.Name, mark, fmt.Sprintf("%08d", number))
	handle, err := client.OpenFile(path.Join(who.Inbox, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	// Not ReadFrom: with writes at once it sends more bytes than the packet says, which asyncssh by itself refuses.
	if _, err = handle.Write(body); err != nil {
		handle.Close()
		return err
	}
	return handle.Close()
}

// collect empties the outbox, as a municipality that keeps up does: removing one file of a set files all of it away.
func collect(client *sftp.Client, who Account) error {
	entries, err := client.ReadDir(who.Outbox)
	for _, entry := range entries {
		if !entry.IsDir() && err == nil {
			if err = client.Remove(path.Join(who.Outbox, entry.Name())); os.IsNotExist(err) {
				err = nil // it went with another of its set
			}
		}
	}
	return err
}

// awaitReport looks until the technical report is there. All sessions together look 200 times a second: the server is
// to be busy with drops, not with being asked.
func awaitReport(client *sftp.Client, who Account) error {
	pause := time.Duration(*sessions) * 5 * time.Millisecond
	for until := time.Now().Add(120 * time.Second); time.Now().Before(until); time.Sleep(pause) {
		entries, err := client.ReadDir(who.Outbox)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), "TR_") {
				return nil
			}
		}
	}
	return fmt.Errorf("%s: no report within 120 s", who.User)
}

// session does one session's work and tells each duration through `took` and `reported`.
func session(who Account, signer ssh.Signer, body []byte, start int, took, reported func(time.Duration)) error {
	if *mode == "login" || *mode == "once" {
		for i := 0; i < *count; i++ {
			content := filled(body, who, start+i)
			begun := time.Now()
			client, err := login(who, signer)
			if err != nil {
				return err
			}
			if *mode == "once" {
				var files *sftp.Client
				if files, err = open(client); err == nil {
					err = put(files, who, content, start+i)
					files.Close()
				}
			}
			client.Close()
			if err != nil {
				return err
			}
			took(time.Since(begun))
		}
		return nil
	}
	client, err := login(who, signer)
	if err != nil {
		return err
	}
	defer client.Close()
	files, err := open(client)
	if err != nil {
		return err
	}
	if *mode == "idle" {
		idle.Done()
		io.Copy(io.Discard, stdin)
		return nil
	}
	for i := 0; i < *count; i++ {
		content := filled(body, who, start+i)
		if *mode == "drop" {
			if err = collect(files, who); err != nil {
				return err
			}
		}
		begun := time.Now()
		if err = put(files, who, content, start+i); err != nil {
			return err
		}
		took(time.Since(begun))
		if *mode == "drop" {
			closed := time.Now()
			if err = awaitReport(files, who); err != nil {
				return err
			}
			reported(time.Since(closed))
		}
	}
	return nil
}

var (
	idle  sync.WaitGroup
	stdin io.Reader = &once{}
)

// once lets every idle session wait for the end of standard input.
type once struct{ guard sync.Mutex }

func (o *once) Read(into []byte) (int, error) {
	o.guard.Lock()
	defer o.guard.Unlock()
	return os.Stdin.Read(into)
}

func main() {
	flag.Parse()
	var people []Account
	raw, err := os.ReadFile(*accounts)
	must(err)
	must(json.Unmarshal(raw, &people))
	signers := map[string]ssh.Signer{}
	for _, who := range people {
		if signers[who.Key] == nil {
			pem, err := os.ReadFile(who.Key)
			must(err)
			signers[who.Key], err = ssh.ParsePrivateKey(pem)
			must(err)
		}
	}
	var body []byte
	if *file != "" {
		body, err = os.ReadFile(*file)
		must(err)
	}
	var guard sync.Mutex
	var wait sync.WaitGroup
	out := result{Each: []float64{}, Reports: []float64{}, Errors: []string{}}
	into := func(list *[]float64) func(time.Duration) {
		return func(took time.Duration) {
			guard.Lock()
			defer guard.Unlock()
			*list = append(*list, took.Seconds())
		}
	}
	begun := time.Now()
	idle.Add(*sessions)
	// Idle sessions come one after another; what is measured is what they hold, not how they arrive.
	turns := make(chan struct{}, 32)
	for i := 0; i < *sessions; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			if *mode == "idle" {
				turns <- struct{}{}
				time.AfterFunc(50*time.Millisecond, func() { <-turns })
			}
			who := people[i%len(people)]
			if err := session(who, signers[who.Key], body, *first+i**count, into(&out.Each), into(&out.Reports)); err != nil {
				guard.Lock()
				out.Errors = append(out.Errors, err.Error())
				guard.Unlock()
				if *mode == "idle" {
					idle.Done()
				}
			}
		}(i)
	}
	if *mode == "idle" {
		idle.Wait()
		fmt.Println("{\"held\": true}")
	}
	wait.Wait()
	out.Seconds = time.Since(begun).Seconds()
	must(json.NewEncoder(os.Stdout).Encode(out))
}
