// What node-postgres does: queries with values, names, cursors, transactions, COPY.
const { Client } = require('pg')
const Cursor = require('pg-cursor')
const { from, to } = require('pg-copy-streams')
const assert = require('assert')

async function fails (state, work) {
  await assert.rejects(work, e => { assert.strictEqual(e.code, state, e.message); return true })
}

const steps = {
  async types (c) {
    await c.query('create table n_types (id integer primary key, flag boolean, small smallint, big bigint, ' +
      'name text, data bytea, price numeric(10,2), at timestamptz)')
    const at = new Date('2024-02-29T12:30:15.250Z')
    await c.query('insert into n_types values ($1, $2, $3, $4, $5, $6, $7, $8)',
      [1, true, -2, '1099511627776', 'héllo', Buffer.from([0, 255]), '12.50', at])
    await c.query('insert into n_types (id) values ($1)', [2])
    const r = await c.query({ name: 'all', text: 'select * from n_types where id = $1', values: [1] })
    assert.deepStrictEqual(r.rows[0], { id: 1, flag: true, small: -2, big: '1099511627776', name: 'héllo',
      data: Buffer.from([0, 255]), price: '12.50', at })
    const again = await c.query({ name: 'all', text: 'select * from n_types where id = $1', values: [2] })
    assert.strictEqual(again.rows[0].name, null)
    assert.strictEqual(again.fields[0].dataTypeID, 23)
  },
  async transactions (c) {
    await c.query('BEGIN')
    await c.query('insert into n_types (id) values ($1)', [3])
    assert.strictEqual((await c.query('select count(*)::int as n from n_types')).rows[0].n, 3)
    await c.query('ROLLBACK')
    await c.query('BEGIN')
    await fails('23505', c.query('insert into n_types (id) values ($1)', [1]))
    await fails('25P02', c.query('select 1'))
    await c.query('ROLLBACK')
    assert.strictEqual((await c.query('select count(*)::int as n from n_types')).rows[0].n, 2)
  },
  async cursors (c) {
    const cursor = c.query(new Cursor('select id from n_types order by id'))
    assert.deepStrictEqual((await cursor.read(1)).map(r => r.id), [1])
    assert.deepStrictEqual((await cursor.read(5)).map(r => r.id), [2])
    await cursor.close()
  },
  async copying (c) {
    await c.query('create table n_many (id integer primary key, name text)')
    const into = c.query(from('copy n_many from stdin csv'))
    for (let i = 0; i < 1000; i++) into.write(`${i},"name ""${i}"""\n`)
    into.end()
    await new Promise((resolve, reject) => into.on('finish', resolve).on('error', reject))
    assert.strictEqual(into.rowCount, 1000)
    const parts = []
    const out = c.query(to('copy (select name from n_many where id < 2 order by id) to stdout'))
    for await (const part of out) parts.push(part)
    assert.strictEqual(Buffer.concat(parts).toString(), 'name "0"\nname "1"\n')
  },
  async errors (c) {
    await fails('42P01', c.query('select * from nowhere'))
    await fails('22012', c.query('select 1 / $1::int', [0]))
    await fails('42601', c.query('selec 1'))
    assert.strictEqual((await c.query('select 1 as a; select 2 as b'))[1].rows[0].b, 2)
    assert.strictEqual((await c.query('')).rowCount, null)
  }
}

async function main () {
  const c = new Client()
  await c.connect()
  await c.query('drop table if exists n_types; drop table if exists n_many')
  let number = 0
  for (const [name, step] of Object.entries(steps)) {
    number++
    try {
      await step(c)
      console.log(`ok ${number} - ${name}`)
    } catch (e) {
      console.log(`not ok ${number} - ${name}: ${e.code} ${e.stack}`)
    }
  }
  console.log(`1..${number}`)
  await c.end()
}

main()
