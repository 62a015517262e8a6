"""What every engine is asked and answers, for the days first, last and before and the partners p5 and tiny of meta.json.

    q1  usage_summary of every partner at direct_partners: for the root, every partner and every customer, the levels of its
        whole subtree at the end of the first and of the last day, by item. (A partner's report is its own line and those of
        its direct children, so these lines are all that is needed, each computed once.)
    q2  usage_daily of p5 at all_customers: for p5 and every partner and customer below it, the level of its whole subtree at
        the end of every day and the change since the day before (on the first day since 0), by item.
    q3  usage_current of tiny: for tiny and each of its customers, the levels of its whole subtree at the end of the day
        before and of the last day, by item.

A line stands in the answer where x or y is not 0; a day without a reading counts 0. (The channel's meters are read every day
from their first on, so no level has to be carried forward.)

Reports say more than these bare levels, which are enough only for who knows that every meter is read every day. So DuckDB, in its own SQL,
is asked the same as reports are made of, too:

    q4  as q1, with levels carried forward over days without a reading, and a line of all that was above zero on some day of the
        period; and one line more, of tenant 0 and item 0, that says how many days were carried
    q5  as q2, with levels carried forward

An answer is four integers over all lines, which every engine computes by itself. With (x, y) = (first, last) in q1,
(level, change) in q2, (before, last) in q3, and remainders that take the sign of the dividend (as C, Rust and SQL have it):

    lines   how many
    sum_x   sum of x % 2147483647
    sum_y   sum of y % 2147483647
    check   sum of ((tenant * 31 + item * 7919 + day * 104729) % 65521) * ((x * 3 + y) % 65521), with day = 0 in q1 and q3

None of these sums leaves 64 bits, also where the plain sum of x would.

The three SQL engines get the same text. `tenants` names for each tenant the
customer that it is or belongs to (-1 for partners) and the partner that it is or is directly below; `above` names for each
partner itself and all partners above it. So readings are summed to customers, these to their partners, and only these few
sums to the partners above.
"""

from string import Template


def answer(lines, day="0", where="x <> 0 OR y <> 0"):
    weight = f"((tenant * 31 + cast(item AS integer) * 7919 + cast({day} AS integer) * 104729) % 65521)"
    return Template(f"""SELECT count(*), cast(sum(x % 2147483647) AS bigint), cast(sum(y % 2147483647) AS bigint),
        cast(sum({weight} * ((x * 3 + y) % 65521)) AS bigint) FROM ({lines}) AS line WHERE {where}""")


Q1 = answer("""
    WITH leaf AS MATERIALIZED (
        SELECT customer, partner, item, cast(coalesce(sum(value) FILTER (WHERE day = $first), 0) AS bigint) AS x,
            cast(coalesce(sum(value) FILTER (WHERE day = $last), 0) AS bigint) AS y
        FROM readings JOIN tenants ON id = tenant WHERE day IN ($first, $last)
        GROUP BY customer, partner, item),
    direct AS MATERIALIZED (
        SELECT partner, item, sum(x) AS x, sum(y) AS y FROM leaf GROUP BY partner, item)
    SELECT customer AS tenant, item, x, y FROM leaf WHERE customer >= 0
    UNION ALL
    SELECT ancestor, item, cast(sum(x) AS bigint), cast(sum(y) AS bigint)
    FROM direct JOIN above USING (partner) GROUP BY ancestor, item""")

Q2 = answer("""
    WITH mine AS MATERIALIZED (SELECT partner FROM above WHERE ancestor = $p5),
    leaf AS MATERIALIZED (
        SELECT customer, partner, item, day, cast(sum(value) AS bigint) AS x
        FROM readings JOIN tenants ON id = tenant
        WHERE partner IN (SELECT partner FROM mine) AND day BETWEEN $first AND $last
        GROUP BY customer, partner, item, day),
    direct AS MATERIALIZED (
        SELECT partner, item, day, sum(x) AS x FROM leaf GROUP BY partner, item, day),
    whole AS (
        SELECT customer AS tenant, item, day, x FROM leaf WHERE customer >= 0
        UNION ALL
        SELECT ancestor, item, day, cast(sum(x) AS bigint) FROM direct JOIN above USING (partner)
        WHERE ancestor IN (SELECT partner FROM mine) GROUP BY ancestor, item, day)
    SELECT tenant, item, day, x, x - lag(x, 1, 0) OVER (PARTITION BY tenant * 16 + item ORDER BY day) AS y
    FROM whole""", "day")

Q3 = answer("""
    WITH leaf AS MATERIALIZED (
        SELECT customer, item, cast(coalesce(sum(value) FILTER (WHERE day = $before), 0) AS bigint) AS x,
            cast(coalesce(sum(value) FILTER (WHERE day = $last), 0) AS bigint) AS y
        FROM readings JOIN tenants ON id = tenant WHERE partner = $tiny AND day IN ($before, $last)
        GROUP BY customer, item)
    SELECT customer AS tenant, item, x, y FROM leaf WHERE customer >= 0
    UNION ALL
    SELECT $tiny, item, cast(sum(x) AS bigint), cast(sum(y) AS bigint) FROM leaf GROUP BY item""")

SQL = dict(q1=Q1, q2=Q2, q3=Q3)

Q4 = answer("""
    WITH cells AS MATERIALIZED (
        SELECT tenant, item, coalesce(arg_max(value, day) FILTER (WHERE day <= $first), 0) AS x, arg_max(value, day) AS y,
            max(value) FILTER (WHERE day >= $first) > 0 AS used,
            $last - greatest(min(day), $first) + 1 - count(*) FILTER (WHERE day >= $first) AS carried
        FROM readings WHERE day <= $last GROUP BY tenant, item),
    leaf AS MATERIALIZED (
        SELECT customer, partner, item, cast(sum(x) AS bigint) AS x, cast(sum(y) AS bigint) AS y, bool_or(used) AS used
        FROM cells JOIN tenants ON id = tenant GROUP BY customer, partner, item),
    direct AS MATERIALIZED (
        SELECT partner, item, sum(x) AS x, sum(y) AS y, bool_or(used) AS used FROM leaf GROUP BY partner, item)
    SELECT customer AS tenant, item, x, y FROM leaf WHERE customer >= 0 AND used
    UNION ALL
    SELECT ancestor, item, cast(sum(x) AS bigint), cast(sum(y) AS bigint)
    FROM direct JOIN above USING (partner) GROUP BY ancestor, item HAVING bool_or(used)
    UNION ALL
    SELECT 0, 0, cast(sum(carried) AS bigint), 0 FROM cells""", where="true")

Q5 = answer("""
    WITH mine AS MATERIALIZED (SELECT partner FROM above WHERE ancestor = $p5),
    heard AS (
        SELECT customer, partner, item, day, value,
            lead(day, 1, $last + 1) OVER (PARTITION BY tenant, item ORDER BY day) AS next
        FROM readings JOIN tenants ON id = tenant
        WHERE partner IN (SELECT partner FROM mine) AND day BETWEEN $first AND $last),
    cells AS (SELECT customer, partner, item, unnest(range(day, next)) AS day, value FROM heard),
    leaf AS MATERIALIZED (
        SELECT customer, partner, item, day, cast(sum(value) AS bigint) AS x
        FROM cells GROUP BY customer, partner, item, day),
    direct AS MATERIALIZED (
        SELECT partner, item, day, sum(x) AS x FROM leaf GROUP BY partner, item, day),
    whole AS (
        SELECT customer AS tenant, item, day, x FROM leaf WHERE customer >= 0
        UNION ALL
        SELECT ancestor, item, day, cast(sum(x) AS bigint) FROM direct JOIN above USING (partner)
        WHERE ancestor IN (SELECT partner FROM mine) GROUP BY ancestor, item, day)
    SELECT tenant, item, day, x, x - lag(x, 1, 0) OVER (PARTITION BY tenant * 16 + item ORDER BY day) AS y
    FROM whole""", "day")

# In DuckDB's own SQL.
AS_REPORTS = dict(q4=Q4, q5=Q5)
