package lakeanalytics_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// The messages of a pipeline become a file, without a lake.
func ExampleNewParquetWriter() {
	p, err := pipeline.Load([]byte(`[
		{"channel": {"name": "in", "channelName": "raw", "next": "warm"}},
		{"filter": {"name": "warm", "filter": "temperature > 20", "next": "out"}},
		{"datastore": {"name": "out", "datastoreName": "readings"}}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	writer, err := lakeanalytics.NewParquetWriter(&file, []pipeline.Column{{Name: "device", Type: "string"}, {Name: "temperature", Type: "decimal(5,2)"}, {Name: "rpm", Type: "int"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var batch pipeline.Batch
	err = p.Run(context.Background(), nil, &batch, [][]byte{
		[]byte(`{"device": "pump-1", "temperature": 21.5, "rpm": "900"}`),
		[]byte(`{"device": "pump-2", "temperature": 19}`),
		[]byte(`{"device": "pump-3", "temperature": 22.25, "rpm": 0.5}`),
	})
	for i := range batch.Len() {
		if err == nil {
			err = writer.Write(batch.At(i))
		}
	}
	if err == nil {
		err = writer.WriteJSON([]byte(`{"device": "pump-4", "temperature": 30}`))
	}
	if err == nil {
		err = writer.Close()
	}
	fmt.Println(err, writer.Misfits())

	opened, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	fmt.Println(err, opened.NumRows(), opened.Schema().Columns())
	// Output:
	// <nil> map[rpm:1]
	// <nil> 3 [[device] [temperature] [rpm]]
}
