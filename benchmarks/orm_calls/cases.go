package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

type named struct {
	name string
	run  func() (string, error)
}

// Runs each case after a statement that names it, and prints what came of it, a line each.
func cases(raw func(string), all []named) {
	for _, one := range append(all, named{"end", func() (string, error) { return "", nil }}) {
		raw(fmt.Sprintf("UPDATE orders SET status = 'unpaid', version = 1 /* case %s */", one.name))
		told, err := one.run()
		if err != nil {
			told = "returns an error: " + strings.TrimPrefix(strings.TrimPrefix(err.Error(), "pq: "), "ERROR: ")
		}
		line, _ := json.Marshal(map[string]string{"case": one.name, "told": told})
		fmt.Println(string(line))
	}
}

// Makes the call a second time: it has to say that another was first.
func twice(run func() error) (string, error) {
	if err := run(); err != nil {
		return "", err
	}
	if err := run(); err != nil {
		return "the second: " + err.Error(), nil
	}
	return "the second is told nothing", nil
}

func none(run func() error) func() (string, error) {
	return func() (string, error) { return "", run() }
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
