// What pgjdbc does: prepared statements (binary from the fifth), batches, cursors, transactions, COPY.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.util.Properties;
import org.postgresql.PGConnection;

public class PgjdbcTest {
    interface Step { void run(Connection c) throws Exception; }

    static void check(boolean good, Object what) { if (!good) throw new AssertionError(what); }

    static void fails(String state, Step step, Connection c) throws Exception {
        try { step.run(c); } catch (SQLException e) { check(state.equals(e.getSQLState()), e); return; }
        throw new AssertionError("wanted " + state);
    }

    static long one(Connection c, String sql) throws Exception {
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(sql)) { r.next(); return r.getLong(1); }
    }

    static void types(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.execute("create table j_types (id integer primary key, flag boolean, small smallint, big bigint, "
                + "name text, data bytea, price numeric(10,2), at timestamptz)");
        }
        Timestamp at = Timestamp.from(java.time.Instant.parse("2024-02-29T12:30:15.250Z"));
        try (PreparedStatement p = c.prepareStatement("insert into j_types values (?, ?, ?, ?, ?, ?, ?, ?)")) {
            for (int i = 1; i <= 10; i++) {
                p.setInt(1, i); p.setBoolean(2, true); p.setShort(3, (short) -2); p.setLong(4, 1L << 40);
                p.setString(5, "héllo"); p.setBytes(6, new byte[] {0, -1}); p.setBigDecimal(7, new BigDecimal("12.50"));
                p.setTimestamp(8, at);
                check(p.executeUpdate() == 1, i);
            }
            p.setInt(1, 11); p.setNull(2, Types.BOOLEAN); p.setNull(3, Types.SMALLINT); p.setNull(4, Types.BIGINT);
            p.setNull(5, Types.VARCHAR); p.setNull(6, Types.BINARY); p.setNull(7, Types.NUMERIC);
            p.setNull(8, Types.TIMESTAMP_WITH_TIMEZONE);
            p.executeUpdate();
        }
        try (PreparedStatement p = c.prepareStatement("select * from j_types where id = ?")) {
            for (int i = 1; i <= 10; i++) {
                p.setInt(1, i);
                try (ResultSet r = p.executeQuery()) {
                    check(r.next(), i);
                    check(r.getBoolean(2) && r.getShort(3) == -2 && r.getLong(4) == 1L << 40, i);
                    check(r.getString(5).equals("héllo") && r.getBytes(6).length == 2, i);
                    check(r.getBigDecimal(7).equals(new BigDecimal("12.50")) && r.getTimestamp(8).equals(at), i);
                }
            }
        }
    }

    static void transactions(Connection c) throws Exception {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.executeUpdate("insert into j_types (id) values (20)");
            check(one(c, "select count(*) from j_types") == 12, "own write");
            Savepoint point = c.setSavepoint("a");
            fails("23505", x -> s.executeUpdate("insert into j_types (id) values (1)"), c);
            c.rollback(point);
            c.commit();
            s.executeUpdate("delete from j_types");
            c.rollback();
            check(one(c, "select count(*) from j_types") == 12, "rolled back");
            s.setFetchSize(3);
            int n = 0;
            try (ResultSet r = s.executeQuery("select id from j_types order by id")) { while (r.next()) n++; }
            check(n == 12, n);
            c.commit();
        }
        c.setAutoCommit(true);
    }

    static void batches(Connection c) throws Exception {
        try (PreparedStatement p = c.prepareStatement("insert into j_types (id) values (?)")) {
            for (int i = 100; i < 200; i++) { p.setInt(1, i); p.addBatch(); }
            check(p.executeBatch().length == 100, "batch");
        }
        check(one(c, "select count(*) from j_types") == 112, "count");
    }

    static void copying(Connection c) throws Exception {
        try (Statement s = c.createStatement()) { s.execute("create table j_many (id integer primary key, name text)"); }
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < 1000; i++) b.append(i).append(",name ").append(i).append('\n');
        var copy = c.unwrap(PGConnection.class).getCopyAPI();
        check(copy.copyIn("copy j_many from stdin csv", new StringReader(b.toString())) == 1000, "in");
        StringWriter w = new StringWriter();
        copy.copyOut("copy (select name from j_many where id < 2 order by id) to stdout", w);
        check(w.toString().equals("name 0\nname 1\n"), w);
    }

    static void errors(Connection c) throws Exception {
        fails("42P01", x -> one(c, "select * from nowhere"), c);
        fails("22012", x -> one(c, "select 1 / 0"), c);
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            fails("57014", x -> s.executeQuery("select count(*) from j_many a, j_many b, j_many d, j_many e"), c);
        }
        check(one(c, "select 1") == 1, "after");
        check(c.getMetaData().getDatabaseMajorVersion() == 15 && c.isValid(1), "version");
        c.setReadOnly(true);
        c.setReadOnly(false);
        check(c.getTransactionIsolation() > 0, "isolation");
    }

    public static void main(String[] arguments) throws Exception {
        Properties p = new Properties();
        p.setProperty("user", System.getenv("PGUSER"));
        p.setProperty("password", System.getenv("PGPASSWORD"));
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
            + System.getenv("PGDATABASE");
        try (Connection c = DriverManager.getConnection(url, p)) {
            try (Statement s = c.createStatement()) {
                s.execute("drop table if exists j_types; drop table if exists j_many");
            }
            String[] names = {"types", "transactions", "batches", "copying", "errors"};
            Step[] steps = {PgjdbcTest::types, PgjdbcTest::transactions, PgjdbcTest::batches, PgjdbcTest::copying, PgjdbcTest::errors};
            for (int i = 0; i < steps.length; i++) {
                try {
                    steps[i].run(c);
                    System.out.println("ok " + (i + 1) + " - " + names[i]);
                } catch (Throwable e) {
                    System.out.println("not ok " + (i + 1) + " - " + names[i] + " " + e);
                    e.printStackTrace(System.out);
                    c.setAutoCommit(true);
                }
            }
            System.out.println("1.." + steps.length);
        }
    }
}
