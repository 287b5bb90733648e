/* system_information.c - The views of information_schema, as queries over pg_catalog. They show
 * what the account that reads has a right on. */
#include "sql/system_int.h"

const struct system_relation system_information_relations[] = {
    {13100, INFORMATION, "applicable_roles", "grantee name,role_name name,is_grantable text",
     SYSTEM_NOTHING, NULL, NULL},
    {13101, INFORMATION, "character_sets",
     "character_set_catalog name,character_set_schema name,character_set_name name,"
     "character_repertoire name,form_of_use name,default_collate_catalog name,"
     "default_collate_schema name,default_collate_name name",
     SYSTEM_NOTHING, NULL,
     "SELECT NULL, NULL, 'UTF8', 'UCS', 'UTF8', current_database(), 'pg_catalog', 'C'"},
    {13102, INFORMATION, "check_constraints",
     "constraint_catalog name,constraint_schema name,constraint_name name,check_clause text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), m.nspname, k.conname, substr(pg_get_constraintdef(k.oid), 7) "
     "FROM pg_constraint k JOIN pg_namespace m ON m.oid = k.connamespace JOIN pg_class c ON "
     "c.oid = k.conrelid WHERE k.contype = 'c' AND pg_has_role(c.relowner, 'USAGE') UNION ALL "
     "SELECT current_database(), n.nspname, n.oid::text || '_' || c.oid::text || '_' || "
     "a.attnum::text || '_not_null', a.attname || ' IS NOT NULL' FROM pg_namespace n JOIN "
     "pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid WHERE "
     "a.attnotnull AND a.attnum > 0 AND c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')"},
    {13103, INFORMATION, "collations",
     "collation_catalog name,collation_schema name,collation_name name,pad_attribute text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, c.collname, 'NO PAD' FROM pg_collation c JOIN "
     "pg_namespace n ON n.oid = c.collnamespace"},
    {13104, INFORMATION, "column_privileges",
     "grantor name,grantee name,table_catalog name,table_schema name,table_name name,"
     "column_name name,privilege_type text,is_grantable text",
     SYSTEM_NOTHING, NULL, NULL},
    {13105, INFORMATION, "columns",
     "table_catalog name,table_schema name,table_name name,column_name name,"
     "ordinal_position int4,column_default text,is_nullable text,data_type text,"
     "character_maximum_length int4,character_octet_length int4,numeric_precision int4,"
     "numeric_precision_radix int4,numeric_scale int4,datetime_precision int4,"
     "interval_type text,interval_precision int4,character_set_catalog name,"
     "character_set_schema name,character_set_name name,collation_catalog name,"
     "collation_schema name,collation_name name,domain_catalog name,domain_schema name,"
     "domain_name name,udt_catalog name,udt_schema name,udt_name name,scope_catalog name,"
     "scope_schema name,scope_name name,maximum_cardinality int4,dtd_identifier name,"
     "is_self_referencing text,is_identity text,identity_generation text,identity_start text,"
     "identity_increment text,identity_maximum text,identity_minimum text,identity_cycle text,"
     "is_generated text,generation_expression text,is_updatable text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, c.relname, a.attname, a.attnum, CASE WHEN "
     "a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END, CASE WHEN a.attnotnull THEN "
     "'NO' ELSE 'YES' END, CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY' ELSE "
     "format_type(a.atttypid, NULL) END, CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod "
     ">= 4 THEN a.atttypmod - 4 END, CASE WHEN a.atttypid IN (25, 1042, 1043) THEN CASE WHEN "
     "a.atttypmod >= 4 THEN (a.atttypmod - 4) * 4 ELSE 1073741824 END END, CASE a.atttypid WHEN "
     "21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53 WHEN 1700 "
     "THEN CASE WHEN a.atttypmod >= 4 THEN ((a.atttypmod - 4) >> 16) & 65535 END END, CASE WHEN "
     "a.atttypid IN (21, 23, 20, 700, 701) THEN 2 WHEN a.atttypid = 1700 THEN 10 END, CASE WHEN "
     "a.atttypid IN (21, 23, 20) THEN 0 WHEN a.atttypid = 1700 AND a.atttypmod >= 4 THEN "
     "(a.atttypmod - 4) & 65535 END, CASE WHEN a.atttypid = 1082 THEN 0 WHEN a.atttypid IN "
     "(1083, 1114, 1184) THEN CASE WHEN a.atttypmod < 0 THEN 6 ELSE a.atttypmod END WHEN "
     "a.atttypid = 1186 THEN CASE WHEN a.atttypmod < 0 OR a.atttypmod & 65535 = 65535 THEN 6 "
     "ELSE a.atttypmod & 65535 END END, CASE WHEN a.atttypid = 1186 AND a.atttypmod >= 0 THEN "
     "upper(substr(format_type(a.atttypid, a.atttypmod), 10)) END, NULL, NULL, NULL, NULL, CASE "
     "WHEN a.attcollation NOT IN (0, 100) THEN current_database() END, CASE WHEN a.attcollation "
     "NOT IN (0, 100) THEN 'pg_catalog' END, CASE WHEN a.attcollation = 950 THEN 'C' END, NULL, "
     "NULL, NULL, current_database(), 'pg_catalog', t.typname, NULL, NULL, NULL, NULL, "
     "a.attnum::text, 'NO', CASE WHEN a.attidentity IN ('a', 'd') THEN 'YES' ELSE 'NO' END, "
     "CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END, "
     "s.seqstart::text, s.seqincrement::text, s.seqmax::text, s.seqmin::text, CASE WHEN "
     "s.seqcycle THEN 'YES' ELSE 'NO' END, CASE WHEN a.attgenerated <> '' THEN 'ALWAYS' ELSE "
     "'NEVER' END, CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END, "
     "CASE WHEN c.relkind = 'r' THEN 'YES' ELSE 'NO' END FROM pg_attribute a JOIN pg_class c ON "
     "c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid "
     "= a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum LEFT "
     "JOIN pg_depend p ON p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i' "
     "AND a.attidentity <> '' AND p.classid = 1259 LEFT JOIN pg_sequence s ON s.seqrelid = "
     "p.objid WHERE c.relkind IN ('r', 'v') AND a.attnum > 0 AND (pg_has_role(c.relowner, "
     "'USAGE') OR has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'))"},
    {13106, INFORMATION, "constraint_column_usage",
     "table_catalog name,table_schema name,table_name name,column_name name,"
     "constraint_catalog name,constraint_schema name,constraint_name name",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, c.relname, a.attname, current_database(), m.nspname,"
     " k.conname FROM pg_constraint k JOIN pg_namespace m ON m.oid = k.connamespace JOIN "
     "pg_class c ON c.oid = CASE k.contype WHEN 'f' THEN k.confrelid ELSE k.conrelid END JOIN "
     "pg_namespace n ON n.oid = c.relnamespace CROSS JOIN unnest(CASE k.contype WHEN 'f' THEN "
     "k.confkey ELSE k.conkey END) AS x(attnum) JOIN pg_attribute a ON a.attrelid = c.oid AND "
     "a.attnum = x.attnum WHERE c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')"},
    {13107, INFORMATION, "constraint_table_usage",
     "table_catalog name,table_schema name,table_name name,constraint_catalog name,"
     "constraint_schema name,constraint_name name",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, c.relname, current_database(), m.nspname, k.conname "
     "FROM pg_constraint k JOIN pg_namespace m ON m.oid = k.connamespace JOIN pg_class c ON "
     "c.oid = CASE k.contype WHEN 'f' THEN k.confrelid ELSE k.conrelid END JOIN pg_namespace n "
     "ON n.oid = c.relnamespace WHERE k.contype IN ('f', 'p', 'u') AND c.relkind = 'r' AND "
     "pg_has_role(c.relowner, 'USAGE')"},
    {13108, INFORMATION, "domain_constraints",
     "constraint_catalog name,constraint_schema name,constraint_name name,domain_catalog name,"
     "domain_schema name,domain_name name,is_deferrable text,initially_deferred text",
     SYSTEM_NOTHING, NULL, NULL},
    {13109, INFORMATION, "domains",
     "domain_catalog name,domain_schema name,domain_name name,data_type text,"
     "character_maximum_length int4,character_octet_length int4,character_set_catalog name,"
     "character_set_schema name,character_set_name name,collation_catalog name,"
     "collation_schema name,collation_name name,numeric_precision int4,"
     "numeric_precision_radix int4,numeric_scale int4,datetime_precision int4,"
     "interval_type text,interval_precision int4,domain_default text,udt_catalog name,"
     "udt_schema name,udt_name name,scope_catalog name,scope_schema name,scope_name name,"
     "maximum_cardinality int4,dtd_identifier name",
     SYSTEM_NOTHING, NULL, NULL},
    {13110, INFORMATION, "element_types",
     "object_catalog name,object_schema name,object_name name,object_type text,"
     "collection_type_identifier name,data_type text,character_maximum_length int4,"
     "character_octet_length int4,character_set_catalog name,character_set_schema name,"
     "character_set_name name,collation_catalog name,collation_schema name,collation_name name,"
     "numeric_precision int4,numeric_precision_radix int4,numeric_scale int4,"
     "datetime_precision int4,interval_type text,interval_precision int4,domain_default text,"
     "udt_catalog name,udt_schema name,udt_name name,scope_catalog name,scope_schema name,"
     "scope_name name,maximum_cardinality int4,dtd_identifier name",
     SYSTEM_NOTHING, NULL, NULL},
    {13111, INFORMATION, "enabled_roles", "role_name name", SYSTEM_NOTHING, NULL,
     "SELECT rolname FROM pg_authid WHERE pg_has_role(oid, 'USAGE')"},
    {13112, INFORMATION, "information_schema_catalog_name", "catalog_name name", SYSTEM_NOTHING,
     NULL, "SELECT current_database()"},
    {13113, INFORMATION, "key_column_usage",
     "constraint_catalog name,constraint_schema name,constraint_name name,table_catalog name,"
     "table_schema name,table_name name,column_name name,ordinal_position int4,"
     "position_in_unique_constraint int4",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), m.nspname, k.conname, current_database(), n.nspname, c.relname,"
     " a.attname, x.ordinality, CASE WHEN k.contype = 'f' THEN array_position((SELECT u.conkey "
     "FROM pg_constraint u WHERE u.conrelid = k.confrelid AND u.conindid = k.conindid AND "
     "u.contype IN ('p', 'u')), k.confkey[x.ordinality::integer]) END FROM pg_constraint k JOIN "
     "pg_namespace m ON m.oid = k.connamespace JOIN pg_class c ON c.oid = k.conrelid JOIN "
     "pg_namespace n ON n.oid = c.relnamespace CROSS JOIN unnest(k.conkey) WITH ORDINALITY AS "
     "x(attnum, ordinality) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.attnum "
     "WHERE k.contype IN ('p', 'u', 'f') AND c.relkind = 'r' AND (pg_has_role(c.relowner, "
     "'USAGE') OR has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'))"},
    {13114, INFORMATION, "parameters",
     "specific_catalog name,specific_schema name,specific_name name,ordinal_position int4,"
     "parameter_mode text,is_result text,as_locator text,parameter_name name,data_type text,"
     "character_maximum_length int4,character_octet_length int4,character_set_catalog name,"
     "character_set_schema name,character_set_name name,collation_catalog name,"
     "collation_schema name,collation_name name,numeric_precision int4,"
     "numeric_precision_radix int4,numeric_scale int4,datetime_precision int4,"
     "interval_type text,interval_precision int4,udt_catalog name,udt_schema name,udt_name name,"
     "scope_catalog name,scope_schema name,scope_name name,maximum_cardinality int4,"
     "dtd_identifier name,parameter_default text",
     SYSTEM_NOTHING, NULL, NULL},
    {13115, INFORMATION, "referential_constraints",
     "constraint_catalog name,constraint_schema name,constraint_name name,"
     "unique_constraint_catalog name,unique_constraint_schema name,unique_constraint_name name,"
     "match_option text,update_rule text,delete_rule text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), m.nspname, k.conname, current_database(), um.nspname, "
     "u.conname, CASE k.confmatchtype WHEN 'f' THEN 'FULL' ELSE 'NONE' END, CASE k.confupdtype "
     "WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' "
     "THEN 'RESTRICT' ELSE 'NO ACTION' END, CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' "
     "THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END "
     "FROM pg_constraint k JOIN pg_namespace m ON m.oid = k.connamespace JOIN pg_class c ON "
     "c.oid = k.conrelid LEFT JOIN pg_constraint u ON u.conrelid = k.confrelid AND u.conindid = "
     "k.conindid AND u.contype IN ('p', 'u') LEFT JOIN pg_namespace um ON um.oid = "
     "u.connamespace WHERE k.contype = 'f' AND (pg_has_role(c.relowner, 'USAGE') OR "
     "has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR "
     "has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))"},
    {13116, INFORMATION, "role_table_grants",
     "grantor name,grantee name,table_catalog name,table_schema name,table_name name,"
     "privilege_type text,is_grantable text,with_hierarchy text",
     SYSTEM_NOTHING, NULL, NULL},
    {13117, INFORMATION, "routines",
     "specific_catalog name,specific_schema name,specific_name name,routine_catalog name,"
     "routine_schema name,routine_name name,routine_type text,module_catalog name,"
     "module_schema name,module_name name,udt_catalog name,udt_schema name,udt_name name,"
     "data_type text,character_maximum_length int4,character_octet_length int4,"
     "character_set_catalog name,character_set_schema name,character_set_name name,"
     "collation_catalog name,collation_schema name,collation_name name,numeric_precision int4,"
     "numeric_precision_radix int4,numeric_scale int4,datetime_precision int4,"
     "interval_type text,interval_precision int4,type_udt_catalog name,type_udt_schema name,"
     "type_udt_name name,scope_catalog name,scope_schema name,scope_name name,"
     "maximum_cardinality int4,dtd_identifier name,routine_body text,routine_definition text,"
     "external_name text,external_language text,parameter_style text,is_deterministic text,"
     "sql_data_access text,is_null_call text,sql_path text,schema_level_routine text,"
     "max_dynamic_result_sets int4,is_user_defined_cast text,is_implicitly_invocable text,"
     "security_type text,to_sql_specific_catalog name,to_sql_specific_schema name,"
     "to_sql_specific_name name,as_locator text,created timestamptz,last_altered timestamptz,"
     "new_savepoint_level text,is_udt_dependent text,result_cast_from_data_type text,"
     "result_cast_as_locator text,result_cast_char_max_length int4,"
     "result_cast_char_octet_length int4,result_cast_char_set_catalog name,"
     "result_cast_char_set_schema name,result_cast_char_set_name name,"
     "result_cast_collation_catalog name,result_cast_collation_schema name,"
     "result_cast_collation_name name,result_cast_numeric_precision int4,"
     "result_cast_numeric_precision_radix int4,result_cast_numeric_scale int4,"
     "result_cast_datetime_precision int4,result_cast_interval_type text,"
     "result_cast_interval_precision int4,result_cast_type_udt_catalog name,"
     "result_cast_type_udt_schema name,result_cast_type_udt_name name,"
     "result_cast_scope_catalog name,result_cast_scope_schema name,result_cast_scope_name name,"
     "result_cast_maximum_cardinality int4,result_cast_dtd_identifier name",
     SYSTEM_NOTHING, NULL, NULL},
    {13118, INFORMATION, "schemata",
     "catalog_name name,schema_name name,schema_owner name,default_character_set_catalog name,"
     "default_character_set_schema name,default_character_set_name name,sql_path text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, r.rolname, NULL, NULL, NULL, NULL FROM pg_namespace "
     "n JOIN pg_authid r ON r.oid = n.nspowner"},
    {13119, INFORMATION, "sequences",
     "sequence_catalog name,sequence_schema name,sequence_name name,data_type text,"
     "numeric_precision int4,numeric_precision_radix int4,numeric_scale int4,start_value text,"
     "minimum_value text,maximum_value text,increment text,cycle_option text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, c.relname, format_type(s.seqtypid, NULL), CASE "
     "s.seqtypid WHEN 21 THEN 16 WHEN 23 THEN 32 ELSE 64 END, 2, 0, s.seqstart::text, "
     "s.seqmin::text, s.seqmax::text, s.seqincrement::text, CASE WHEN s.seqcycle THEN 'YES' "
     "ELSE 'NO' END FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace "
     "n ON n.oid = c.relnamespace WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = "
     "1259 AND d.objid = c.oid AND d.deptype = 'i') AND (pg_has_role(c.relowner, 'USAGE') OR "
     "has_table_privilege(c.oid, 'SELECT, UPDATE'))"},
    {13120, INFORMATION, "table_constraints",
     "constraint_catalog name,constraint_schema name,constraint_name name,table_catalog name,"
     "table_schema name,table_name name,constraint_type text,is_deferrable text,"
     "initially_deferred text,enforced text,nulls_distinct text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), m.nspname, k.conname, current_database(), n.nspname, c.relname,"
     " CASE k.contype WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'FOREIGN KEY' WHEN 'p' THEN 'PRIMARY "
     "KEY' WHEN 'u' THEN 'UNIQUE' END, 'NO', 'NO', 'YES', CASE WHEN k.contype = 'u' THEN 'YES' "
     "END FROM pg_constraint k JOIN pg_namespace m ON m.oid = k.connamespace JOIN pg_class c ON "
     "c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
     "AND (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'INSERT, UPDATE, "
     "DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege(c.oid, 'INSERT, "
     "UPDATE, REFERENCES')) UNION ALL SELECT current_database(), n.nspname, n.oid::text || '_' "
     "|| c.oid::text || '_' || a.attnum::text || '_not_null', current_database(), n.nspname, "
     "c.relname, 'CHECK', 'NO', 'NO', 'YES', NULL FROM pg_namespace n JOIN pg_class c ON "
     "c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attnotnull AND "
     "a.attnum > 0 AND c.relkind = 'r' AND (pg_has_role(c.relowner, 'USAGE') OR "
     "has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR "
     "has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))"},
    {13121, INFORMATION, "table_privileges",
     "grantor name,grantee name,table_catalog name,table_schema name,table_name name,"
     "privilege_type text,is_grantable text,with_hierarchy text",
     SYSTEM_NOTHING, NULL, NULL},
    {13122, INFORMATION, "tables",
     "table_catalog name,table_schema name,table_name name,table_type text,"
     "self_referencing_column_name name,reference_generation text,"
     "user_defined_type_catalog name,user_defined_type_schema name,user_defined_type_name name,"
     "is_insertable_into text,is_typed text,commit_action text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE "
     "'BASE TABLE' END, NULL, NULL, NULL, NULL, NULL, CASE WHEN c.relkind = 'r' THEN 'YES' ELSE "
     "'NO' END, 'NO', NULL FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
     "c.relkind IN ('r', 'v') AND (pg_has_role(c.relowner, 'USAGE') OR "
     "has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, "
     "TRIGGER') OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))"},
    {13123, INFORMATION, "triggers",
     "trigger_catalog name,trigger_schema name,trigger_name name,event_manipulation text,"
     "event_object_catalog name,event_object_schema name,event_object_table name,"
     "action_order int4,action_condition text,action_statement text,action_orientation text,"
     "action_timing text,action_reference_old_table name,action_reference_new_table name,"
     "action_reference_old_row name,action_reference_new_row name,created timestamptz",
     SYSTEM_NOTHING, NULL, NULL},
    {13124, INFORMATION, "usage_privileges",
     "grantor name,grantee name,object_catalog name,object_schema name,object_name name,"
     "object_type text,privilege_type text,is_grantable text",
     SYSTEM_NOTHING, NULL, NULL},
    {13125, INFORMATION, "user_defined_types",
     "user_defined_type_catalog name,user_defined_type_schema name,user_defined_type_name name,"
     "user_defined_type_category text,is_instantiable text,is_final text,ordering_form text,"
     "ordering_category text,ordering_routine_catalog name,ordering_routine_schema name,"
     "ordering_routine_name name,reference_type text,data_type text,"
     "character_maximum_length int4,character_octet_length int4,character_set_catalog name,"
     "character_set_schema name,character_set_name name,collation_catalog name,"
     "collation_schema name,collation_name name,numeric_precision int4,"
     "numeric_precision_radix int4,numeric_scale int4,datetime_precision int4,"
     "interval_type text,interval_precision int4,source_dtd_identifier name,"
     "ref_dtd_identifier name",
     SYSTEM_NOTHING, NULL, NULL},
    {13126, INFORMATION, "view_column_usage",
     "view_catalog name,view_schema name,view_name name,table_catalog name,table_schema name,"
     "table_name name,column_name name",
     SYSTEM_NOTHING, NULL, NULL},
    {13127, INFORMATION, "view_table_usage",
     "view_catalog name,view_schema name,view_name name,table_catalog name,table_schema name,"
     "table_name name",
     SYSTEM_NOTHING, NULL,
     "SELECT DISTINCT current_database(), n.nspname, v.relname, current_database(), m.nspname, "
     "t.relname FROM pg_depend d JOIN pg_class v ON v.oid = d.objid JOIN pg_namespace n ON "
     "n.oid = v.relnamespace JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace m ON m.oid "
     "= t.relnamespace WHERE d.classid = 2618 AND d.deptype = 'n' AND pg_has_role(t.relowner, "
     "'USAGE')"},
    {13128, INFORMATION, "views",
     "table_catalog name,table_schema name,table_name name,view_definition text,"
     "check_option text,is_updatable text,is_insertable_into text,is_trigger_updatable text,"
     "is_trigger_deletable text,is_trigger_insertable_into text",
     SYSTEM_NOTHING, NULL,
     "SELECT current_database(), n.nspname, c.relname, CASE WHEN pg_has_role(c.relowner, "
     "'USAGE') THEN pg_get_viewdef(c.oid) END, 'NONE', 'NO', 'NO', 'NO', 'NO', 'NO' FROM "
     "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND "
     "(pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, "
     "DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege(c.oid, 'SELECT, "
     "INSERT, UPDATE, REFERENCES'))"},
};

const uint32_t system_information_count =
    (uint32_t)(sizeof system_information_relations / sizeof system_information_relations[0]);
