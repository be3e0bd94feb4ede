// Command yaml answers what kubectl makes of YAML and JSON texts; the oracle of engine.parse.
//
// It reads one JSON list of strings (base64 of the texts) and prints one JSON list of answers. Streams
// go through NewYAMLOrJSONDecoder(4096) into RawExtension, as in kubectl's StreamVisitor, and each
// document through apimachinery's JSON reader, as in its unstructured decoder.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// answer holds the documents, or why there are none. Strict is the complaint of strict reading only.
type answer struct {
	Documents []json.RawMessage `json:"documents"`
	Error     string            `json:"error,omitempty"`
	Strict    string            `json:"strict,omitempty"`
}

func lax(text []byte) (documents []json.RawMessage, err error) {
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	documents = []json.RawMessage{}
	for {
		ext := runtime.RawExtension{}
		if err := decoder.Decode(&ext); err != nil {
			if errors.Is(err, io.EOF) {
				return documents, nil
			}
			return documents, err
		}
		raw := bytes.TrimSpace(ext.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		var value any
		if err := utiljson.Unmarshal(raw, &value); err != nil {
			return documents, err
		}
		sent, err := json.Marshal(value)
		if err != nil {
			return documents, err
		}
		documents = append(documents, sent)
	}
}

// strict reads once more with duplicate keys refused, by sigs.k8s.io/json and sigs.k8s.io/yaml.
func strict(text []byte) error {
	if utilyaml.IsJSONBuffer(text) {
		decoder := json.NewDecoder(bytes.NewReader(text))
		for {
			var raw json.RawMessage
			consumed := decoder.InputOffset()
			if err := decoder.Decode(&raw); err != nil {
				text = bytes.TrimLeft(text[consumed:], " \t\r\n")
				break
			}
			var value any
			complaints, err := kjson.UnmarshalStrict(raw, &value)
			if err := errors.Join(append(complaints, err)...); err != nil {
				return err
			}
		}
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		chunk, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := yaml.YAMLToJSONStrict(chunk); err != nil {
			return err
		}
	}
}

func ask(text []byte) (reply answer) {
	defer func() {
		if cause := recover(); cause != nil {
			reply = answer{Documents: []json.RawMessage{}, Error: fmt.Sprint("panic: ", cause)}
		}
	}()
	documents, err := lax(text)
	reply.Documents = documents
	if err != nil {
		reply.Error = err.Error()
		return reply
	}
	if err := strict(text); err != nil {
		reply.Strict = err.Error()
	}
	return reply
}

func main() {
	var texts [][]byte // encoding/json reads base64 into []byte
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		fmt.Fprintln(os.Stderr, "cases:", err)
		os.Exit(1)
	}
	answers := make([]answer, len(texts))
	for i, text := range texts {
		answers[i] = ask(text)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, "answers:", err)
		os.Exit(1)
	}
}
