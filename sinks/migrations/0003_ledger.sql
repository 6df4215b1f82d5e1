-- The ledger, told apart by who wrote a dead letter. A letter of identify or score ends a touchpoint. One of deliver says
-- only that a row is missing: the touchpoint is counted all the same, and its row may come later, put back in. Before,
-- such a touchpoint was counted and dead-lettered, and its outcome looked like one of a touchpoint that never arrived.
--
-- A letter that was put back in has two positions: the old one stays dead-lettered, the new one is counted.

-- One in is exactly one of counted, duplicate, dead-lettered, or still waiting (under way, or for its import to get
-- there). `counted_twice` and `unexplained` are 0, or a promise is broken: a touchpoint counted more than once, and
-- outcomes of touchpoints that never arrived (for moments also while the sink is behind). Of a touchpoint whose row is
-- missing the event is unknown: as many outcomes without a row are taken for theirs.
CREATE OR REPLACE VIEW ledger AS
WITH
    letters AS
    (
        SELECT topic, assumeNotNull(partition) AS partition, assumeNotNull(offset) AS offset, max(hop != 'deliver') AS ended
        FROM dead_letters FINAL
        WHERE topic != ''
        GROUP BY topic, partition, offset
    ),
    per_event AS
    (
        SELECT
            sum(arrived) AS came,
            sum(dead) AS died,
            sum(counts) AS was_counted,
            sum(repeats) AS was_repeated
        FROM
        (
            SELECT cityHash64(event_id) AS event, 1 AS arrived, (topic, partition, offset) IN (SELECT topic, partition, offset FROM letters WHERE ended) AS dead, 0 AS counts, 0 AS repeats
            FROM touchpoints FINAL
            WHERE kind != 'import_reached'
            UNION ALL
            SELECT cityHash64(event_id), 0, 0, fact = 'touchpoint_counted', fact = 'touchpoint_duplicated'
            FROM facts FINAL
            WHERE fact IN ('touchpoint_counted', 'touchpoint_duplicated')
        )
        GROUP BY event
    ),
    totals AS
    (
        SELECT
            sum(came) AS all_came,
            sum(died) AS all_died,
            sum(was_counted) AS all_counted,
            sum(was_repeated) AS all_repeated,
            sum(greatest(0, was_counted + was_repeated + died - came)) AS surplus,
            sum(greatest(0, was_counted - 1)) AS again
        FROM per_event
    ),
    beside AS
    (
        SELECT
            countIf(is_touchpoint AND ended) AS unreadable,
            countIf(is_touchpoint AND NOT ended) AS unrecorded,
            countIf(ended AND topic LIKE '%leads.inbox') AS undecided
        FROM
        (
            SELECT topic, ended, topic LIKE '%touchpoints.%' AND (topic, partition, offset) NOT IN (SELECT topic, partition, offset FROM touchpoints) AS is_touchpoint
            FROM letters
        )
    )
SELECT
    toInt64(all_came + unreadable + unrecorded) AS touchpoints,
    toInt64(all_counted) AS counted,
    toInt64(all_repeated) AS duplicates,
    toInt64(all_died + unreadable + undecided) AS dead_lettered,
    touchpoints - counted - duplicates - dead_lettered + unexplained AS waiting,
    greatest(0, toInt64(surplus) - toInt64(unrecorded)) AS unexplained,
    toInt64(again) AS counted_twice,
    toInt64((SELECT count() FROM dead_letters FINAL WHERE hop = 'collect')) AS dead_lettered_at_the_door
FROM totals
CROSS JOIN beside;
