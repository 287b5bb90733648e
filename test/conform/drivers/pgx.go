// What pgx does: prepared statements in binary form, batches, transactions, COPY.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var ctx = context.Background()

func check(condition bool, what ...any) {
	if !condition {
		panic(fmt.Sprintln(what...))
	}
}

func ok(err error) {
	if err != nil {
		panic(err)
	}
}

func fails(state string, err error) {
	var e *pgconn.PgError
	check(errors.As(err, &e) && e.Code == state, "wanted", state, "got", err)
}

func types(c *pgx.Conn) {
	_, err := c.Exec(ctx, "create table g_types (id integer primary key, flag boolean, small smallint, big bigint, "+
		"name text, data bytea, price numeric(10,2), at timestamptz)")
	ok(err)
	at := time.Date(2024, 2, 29, 12, 30, 15, 250000000, time.UTC)
	_, err = c.Exec(ctx, "insert into g_types values ($1, $2, $3, $4, $5, $6, $7, $8)",
		1, true, -2, int64(1)<<40, "héllo", []byte{0, 255}, "12.50", at)
	ok(err)
	_, err = c.Exec(ctx, "insert into g_types (id) values ($1)", 2)
	ok(err)
	var (
		flag       bool
		small      int16
		big        int64
		name       string
		data       []byte
		price      float64
		seen       time.Time
		nothing    *string
	)
	ok(c.QueryRow(ctx, "select flag, small, big, name, data, price, at from g_types where id = $1", 1).
		Scan(&flag, &small, &big, &name, &data, &price, &seen))
	check(flag && small == -2 && big == 1<<40 && name == "héllo" && len(data) == 2 && price == 12.5 && seen.Equal(at),
		flag, small, big, name, data, price, seen)
	ok(c.QueryRow(ctx, "select name from g_types where id = $1", 2).Scan(&nothing))
	check(nothing == nil)
}

func count(c *pgx.Conn, table string) (n int64) {
	ok(c.QueryRow(ctx, "select count(*) from "+table).Scan(&n))
	return n
}

func transactions(c *pgx.Conn) {
	tx, err := c.Begin(ctx)
	ok(err)
	_, err = tx.Exec(ctx, "insert into g_types (id) values ($1)", 3)
	ok(err)
	check(count(c, "g_types") == 3)
	inner, err := tx.Begin(ctx)
	ok(err)
	_, err = inner.Exec(ctx, "insert into g_types (id) values ($1)", 1)
	fails("23505", err)
	ok(inner.Rollback(ctx))
	ok(tx.Commit(ctx))
	check(count(c, "g_types") == 3)
	tx, err = c.Begin(ctx)
	ok(err)
	_, err = tx.Exec(ctx, "delete from g_types")
	ok(err)
	ok(tx.Rollback(ctx))
	check(count(c, "g_types") == 3)
}

func batches(c *pgx.Conn) {
	b := &pgx.Batch{}
	b.Queue("insert into g_types (id) values ($1)", 30)
	b.Queue("insert into g_types (id) values ($1)", 1)
	b.Queue("insert into g_types (id) values ($1)", 31)
	fails("23505", c.SendBatch(ctx, b).Close())
	check(count(c, "g_types") == 3, "a batch is one transaction")
	b = &pgx.Batch{}
	b.Queue("insert into g_types (id) values ($1)", 30)
	b.Queue("select count(*) from g_types")
	r := c.SendBatch(ctx, b)
	_, err := r.Exec()
	ok(err)
	var n int64
	ok(r.QueryRow().Scan(&n))
	ok(r.Close())
	check(n == 4, n)
}

func copying(c *pgx.Conn) {
	_, err := c.Exec(ctx, "create table g_many (id integer primary key, name text)")
	ok(err)
	rows := make([][]any, 2000)
	for i := range rows {
		rows[i] = []any{int32(i), fmt.Sprint("name ", i)}
	}
	n, err := c.CopyFrom(ctx, pgx.Identifier{"g_many"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
	ok(err)
	check(n == 2000 && count(c, "g_many") == 2000)
	_, err = c.CopyFrom(ctx, pgx.Identifier{"g_many"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
	fails("23505", err)
}

func failures(c *pgx.Conn) {
	_, err := c.Exec(ctx, "select * from nowhere")
	fails("42P01", err)
	var n int
	fails("22012", c.QueryRow(ctx, "select 1 / $1::int", 0).Scan(&n))
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = c.Exec(short, "select count(*) from g_many a, g_many b, g_many d")
	check(err != nil, "it was to take longer")
}

func main() {
	c, err := pgx.Connect(ctx, "")
	ok(err)
	_, err = c.Exec(ctx, "drop table if exists g_types; drop table if exists g_many")
	ok(err)
	steps := []struct {
		name string
		run  func(*pgx.Conn)
	}{{"types", types}, {"transactions", transactions}, {"batches", batches}, {"copying", copying},
		{"failures", failures}}
	for i, step := range steps {
		func() {
			defer func() {
				if e := recover(); e != nil {
					fmt.Println("not ok", i+1, "-", step.name, e)
				} else {
					fmt.Println("ok", i+1, "-", step.name)
				}
			}()
			step.run(c)
		}()
	}
	fmt.Printf("1..%d\n", len(steps))
	_ = c.Close(ctx)
	os.Exit(0)
}
