// Go pkg/sftp (Debian golang-github-pkg-sftp-dev): see README.txt. Built in GOPATH mode from /usr/share/gocode.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

func put(client *sftp.Client, local, remote string) error {
	source, err := os.Open(local)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := client.OpenFile(remote, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err = io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}

func get(client *sftp.Client, remote, local string) error {
	source, err := client.Open(remote)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(local)
	if err != nil {
		return err
	}
	defer target.Close()
	_, err = io.Copy(target, source)
	return err
}

func main() {
	key, err := os.ReadFile(os.Args[4])
	if err != nil {
		panic(err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		panic(err)
	}
	connection, err := ssh.Dial("tcp", os.Args[1]+":"+os.Args[2], &ssh.ClientConfig{
		User: os.Args[3], Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	client, err := sftp.NewClient(connection)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	failed := 0
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		w := strings.Split(lines.Text(), "\t")
		out := ""
		switch w[0] {
		case "list":
			var entries []os.FileInfo
			entries, err = client.ReadDir(w[1])
			for _, entry := range entries {
				out += entry.Name() + " "
			}
		case "put":
			err = put(client, w[1], w[2])
		case "get":
			err = get(client, w[1], w[2])
		case "rename":
			err = client.Rename(w[1], w[2])
		case "remove":
			err = client.Remove(w[1])
		case "touch":
			moment := time.Unix(1518426000, 0)
			if err = client.Chtimes(w[1], moment, moment); err == nil {
				err = client.Chmod(w[1], 0640)
			}
		case "stat":
			_, err = client.Stat(w[1])
		}
		if err != nil {
			failed = 1
			fmt.Println("error", err)
		} else {
			fmt.Println("ok", out)
		}
	}
	os.Exit(failed)
}
