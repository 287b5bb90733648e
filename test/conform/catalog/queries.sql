-- One query a line; both servers must give the same rows, column names and types.
SELECT relname, relkind, relnatts, relchecks, relhasindex, relpersistence, relreplident FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'shop'::regnamespace) ORDER BY relname
SELECT c.oid::regclass, a.attname, a.attnum, a.atttypid::regtype, a.atttypmod, a.attnotnull, a.atthasdef, a.attidentity, a.attlen, a.attalign, a.attstorage, a.attbyval, a.attndims FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind IN ('r', 'v', 'S', 'i') AND a.attnum > 0 AND c.relnamespace IN ('public'::regnamespace, 'shop'::regnamespace) ORDER BY c.relname, a.attnum
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'shop.item'::regclass AND attnum > 0 ORDER BY attnum
SELECT i.indexrelid::regclass, i.indrelid::regclass, indnatts, indisunique, indisprimary, indkey, indoption, indkey[0] FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace IN ('public'::regnamespace, 'shop'::regnamespace) ORDER BY c.relname
SELECT pg_get_indexdef(indexrelid), pg_get_indexdef(indexrelid, 1, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace IN ('public'::regnamespace, 'shop'::regnamespace) ORDER BY c.relname
SELECT conname, contype, conrelid::regclass, confrelid::regclass, conkey, confkey, confupdtype, confdeltype, confmatchtype, convalidated FROM pg_constraint WHERE conrelid <> 0 AND connamespace IN ('public'::regnamespace, 'shop'::regnamespace) ORDER BY conname
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype <> 'c' AND connamespace IN ('public'::regnamespace, 'shop'::regnamespace) ORDER BY conname
SELECT adrelid::regclass, adnum, pg_get_expr(adbin, adrelid) FROM pg_attrdef ORDER BY adrelid::regclass::text, 2
SELECT seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle FROM pg_sequence ORDER BY seqrelid::regclass::text
SELECT obj_description('account'::regclass), col_description('account'::regclass, 2), obj_description('shop'::regnamespace, 'pg_namespace')
SELECT nspname, nspname::text || '.x' FROM pg_namespace WHERE nspname IN ('public', 'shop', 'pg_catalog', 'information_schema') ORDER BY 1
SELECT typname, typlen, typbyval, typtype, typcategory, typispreferred, typelem, typarray, typinput, typoutput, typreceive, typsend, typalign, typstorage, typcollation FROM pg_type WHERE oid IN (16, 17, 20, 21, 23, 25, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1700, 2950, 3802, 114, 1009, 1015, 1231, 19, 26, 2205) ORDER BY oid
SELECT to_regclass('nothing'), to_regclass('shop.item'), to_regclass('"Mixed Case"'), to_regtype('int4'), to_regtype('character varying'), 'text[]'::regtype, 'pg_class'::regclass::oid
SELECT 'nothing'::regclass
SELECT 'nothing'::regtype
SELECT '"Mixed Case"'::regclass, 'shop.item'::regclass::text, 1259::regclass, 0::regclass, 1700::regtype
SELECT pg_get_serial_sequence('"Mixed Case"', 'Id'), pg_get_serial_sequence('shop.item', 'id')
SELECT quote_ident('a'), quote_ident('A b'), quote_ident('select'), quote_ident('a"b')
SELECT current_schemas(false), current_schemas(true)
SELECT table_schema, table_name, table_type, is_insertable_into FROM information_schema.tables WHERE table_schema IN ('public', 'shop') AND table_type = 'BASE TABLE' ORDER BY 1, 2
SELECT table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, character_octet_length, numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision, udt_name, is_identity, identity_generation, identity_start, is_generated FROM information_schema.columns WHERE table_schema IN ('public', 'shop') ORDER BY 1, 2, 4
SELECT constraint_name, table_name, constraint_type, is_deferrable FROM information_schema.table_constraints WHERE table_schema IN ('public', 'shop') AND constraint_name !~ '_not_null$' ORDER BY 1, 2
SELECT constraint_name, table_name, column_name, ordinal_position, position_in_unique_constraint FROM information_schema.key_column_usage WHERE table_schema IN ('public', 'shop') ORDER BY 1, 4
SELECT constraint_name, table_name, column_name FROM information_schema.constraint_column_usage WHERE table_schema IN ('public', 'shop') ORDER BY 1, 2, 3
SELECT constraint_name, unique_constraint_name, match_option, update_rule, delete_rule FROM information_schema.referential_constraints ORDER BY 1
SELECT sequence_name, data_type, start_value, minimum_value, maximum_value, increment, cycle_option FROM information_schema.sequences ORDER BY 1
SELECT schemaname, tablename, hasindexes FROM pg_tables WHERE schemaname IN ('public', 'shop') ORDER BY 1, 2
SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes WHERE schemaname IN ('public', 'shop') ORDER BY 1, 2, 3
SELECT sequencename, data_type, start_value, last_value FROM pg_sequences ORDER BY 1
SELECT has_table_privilege('account', 'SELECT'), has_table_privilege('account', 'SELECT, DELETE'), has_schema_privilege('shop', 'USAGE'), pg_has_role(current_user, 'USAGE')
SELECT a.attname, a.attnum = ANY (i.indkey) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid WHERE i.indrelid = 'account'::regclass AND i.indisprimary AND a.attnum > 0 ORDER BY a.attnum
SELECT k.conname, x.ordinality, a.attname FROM pg_constraint k CROSS JOIN unnest(k.conkey) WITH ORDINALITY AS x(attnum, ordinality) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.attnum WHERE k.conrelid = 'shop.item'::regclass ORDER BY 1, 2
SELECT c.relname, array(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum) FROM pg_class c WHERE c.oid = 'account'::regclass
SELECT tableoid::regclass, relname FROM pg_class WHERE relname = 'account'
SELECT relname OPERATOR(pg_catalog.~) '^acc' COLLATE pg_catalog.default, relname::text LIKE 'acc%', relname[0] FROM pg_class WHERE oid = 'account'::regclass
SELECT pg_size_pretty(10::bigint), pg_size_pretty(10240::bigint), pg_size_pretty(123456789::bigint), pg_encoding_to_char(6), pg_is_in_recovery()
INSERT INTO account SELECT 7, relname FROM pg_class
SELECT deptype, objid::regclass, refobjid::regclass, refobjsubid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S') ORDER BY objid::regclass::text
SELECT indexrelid::regclass, unnest(indkey), generate_subscripts(indkey, 1) FROM pg_index WHERE indrelid = 'shop.item'::regclass ORDER BY indexrelid::regclass::text, 3
