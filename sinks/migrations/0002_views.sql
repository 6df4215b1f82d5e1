-- What the analyst reads. Every view deduplicates: a row that was written twice counts once.

CREATE OR REPLACE VIEW touchpoints_once AS SELECT * FROM touchpoints FINAL;

CREATE OR REPLACE VIEW facts_once AS SELECT * FROM facts FINAL;

CREATE OR REPLACE VIEW transitions_once AS SELECT * FROM transitions FINAL;

CREATE OR REPLACE VIEW dead_letters_once AS SELECT * FROM dead_letters FINAL;

-- Forwarded leads are in here too, with `forwarded_to`; deleted ones are not.
CREATE OR REPLACE VIEW profiles_once AS SELECT * EXCEPT (version, is_deleted) FROM profiles FINAL;

-- Leads that turned out to be another, with the lead they are in the end. A lead forwards only to a better one, so the
-- walk ends; argMax takes the same row however often it is there, hence no FINAL.
CREATE OR REPLACE VIEW lead_ids AS
WITH RECURSIVE
    forwards AS
    (
        SELECT lead_id, argMax(if(fact = 'lead_forwarded', other_lead, ''), (offset, `index`)) AS next
        FROM facts
        WHERE fact IN ('lead_forwarded', 'lead_released')
        GROUP BY lead_id
        HAVING next != ''
    ),
    walk AS
    (
        SELECT lead_id, next AS survivor, 1 AS steps FROM forwards
        UNION ALL
        SELECT walk.lead_id, forwards.next, walk.steps + 1
        FROM walk INNER JOIN forwards ON walk.survivor = forwards.lead_id
        WHERE walk.steps < 32
    )
SELECT lead_id, argMax(walk.survivor, walk.steps) AS survivor
FROM walk
GROUP BY lead_id;

-- Personal data of each lead, the newest of each. A touchpoint speaks of the person its strongest identifier names.
CREATE OR REPLACE VIEW contacts AS
SELECT
    if(ids.survivor = '', told.lead_id, ids.survivor) AS lead_id,
    argMaxIf(told.contact['email'], told.occurred_at, told.contact['email'] != '') AS email,
    argMaxIf(told.contact['name'], told.occurred_at, told.contact['name'] != '') AS name,
    argMaxIf(told.contact['phone'], told.occurred_at, told.contact['phone'] != '') AS phone,
    argMaxIf(told.contact['company'], told.occurred_at, told.contact['company'] != '') AS company,
    max(told.occurred_at) AS told_at
FROM
(
    SELECT
        multiIf(email_hash != '', 'e:' || email_hash, crm_id != '', 'c:' || crm_id, 'v:' || visitor_id) AS lead_id,
        contact,
        occurred_at
    FROM touchpoints
    WHERE notEmpty(contact)
) AS told
LEFT JOIN lead_ids AS ids ON told.lead_id = ids.lead_id
GROUP BY lead_id;

-- Leads now. `score` has faded until this moment; `reasons` are its parts, the weightiest first.
CREATE OR REPLACE VIEW leads AS
WITH
    now64(3, 'UTC') AS instant,
    arrayMap(
        (points, as_of, half_life_s) -> points * if(half_life_s = 0, 1, exp2(-dateDiff('millisecond', as_of, instant) / 1000 / half_life_s)),
        profile.reasons.points, profile.reasons.as_of, profile.reasons.half_life_s
    ) AS points_now,
    arraySort(part -> (-abs(part.2), part.1), arrayZip(profile.reasons.rule, points_now, profile.reasons.count)) AS parts
SELECT
    profile.lead_id AS lead_id,
    contact.email AS email,
    contact.name AS name,
    contact.phone AS phone,
    contact.company AS company,
    profile.stage AS stage,
    profile.stage_since AS stage_since,
    arraySum(points_now) AS score,
    profile.grade AS grade,
    arrayMap(part -> concat(part.1, if(part.2 < 0, ' ', ' +'), toString(round(part.2, 1)), if(part.3 = 1, '', concat(' (', toString(part.3), ' times)'))), parts) AS reasons,
    mapFromArrays(
        arrayDistinct(profile.reasons.rule),
        arrayMap(rule -> arraySum(arrayMap(part -> if(part.1 = rule, part.2, 0), parts)), arrayDistinct(profile.reasons.rule))
    ) AS points,
    profile.fit AS fit,
    profile.criteria AS criteria,
    profile.attributes AS attributes,
    profile.verdict AS verdict,
    profile.verdict_expires_at AS verdict_expires_at,
    profile.first_touch_at AS first_touch_at,
    profile.first_channel AS first_channel,
    profile.first_campaign AS first_campaign,
    profile.last_touch_at AS last_touch_at,
    profile.last_channel AS last_channel,
    profile.last_campaign AS last_campaign,
    profile.touches AS touches,
    profile.model AS model,
    profile.as_of AS as_of
FROM profiles AS profile FINAL
LEFT JOIN contacts AS contact ON profile.lead_id = contact.lead_id
WHERE profile.forwarded_to = '';

-- Transitions under the name the lead has now: a person who was two leads is counted once.
CREATE OR REPLACE VIEW transitions_by_lead AS
SELECT if(ids.survivor = '', transition.lead_id, ids.survivor) AS lead_id, transition.* EXCEPT (lead_id, inserted_at)
FROM transitions AS transition FINAL
LEFT JOIN lead_ids AS ids ON transition.lead_id = ids.lead_id;

-- How far each lead has come: the stage it is in, the rank of the furthest it was ever in, and all it was in.
CREATE OR REPLACE VIEW stages_reached AS
SELECT
    lead_id,
    anyIf(seen.stage, seen.now) AS stage,
    greatest(0, max(known.rank)) AS furthest,
    groupUniqArray(seen.stage) AS stages
FROM
(
    SELECT lead_id, stage, true AS now FROM profiles FINAL WHERE forwarded_to = ''
    UNION ALL
    SELECT lead_id, arrayJoin([from_stage, to_stage]), false FROM transitions_by_lead
) AS seen
LEFT JOIN (SELECT stage, rank FROM stages FINAL) AS known ON seen.stage = known.stage
GROUP BY lead_id;

-- A lead that went straight to a later stage has reached the earlier ones too. A stage no lead was ever in is left out:
-- a business that sells to consumers knows no mql.
CREATE OR REPLACE VIEW funnel AS
SELECT
    stage,
    reached,
    in_stage_now,
    if(rank <= 0, NULL, reached / nullIf(lagInFrame(reached) OVER (ORDER BY rank ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), 0)) AS conversion_rate
FROM
(
    SELECT
        step.stage AS stage,
        step.rank AS rank,
        countIf(if(step.rank < 0, has(lead.stages, step.stage), lead.furthest >= step.rank)) AS reached,
        countIf(lead.stage = step.stage) AS in_stage_now,
        countIf(has(lead.stages, step.stage)) AS seen
    FROM (SELECT stage, rank FROM stages FINAL) AS step
    CROSS JOIN stages_reached AS lead
    GROUP BY stage, rank
    HAVING seen > 0
)
ORDER BY rank < 0, rank;

-- When each lead entered and left each stage, by what happened, not by when it was noticed. The order is that of the
-- decisions: a late event takes effect after what was decided before it, so a stay may last 0 days and never less.
CREATE OR REPLACE VIEW time_in_stage AS
SELECT
    lead_id,
    stage,
    entered_at,
    if(left_to = '', NULL, next_at) AS left_at,
    left_to,
    greatest(0, dateDiff('millisecond', entered_at, ifNull(left_at, now64(3, 'UTC'))) / 86400000) AS days
FROM
(
    SELECT
        lead_id,
        stage,
        entered_at,
        leadInFrame(stage) OVER later AS left_to,
        leadInFrame(entered_at) OVER later AS next_at
    FROM
    (
        SELECT *, lagInFrame(stage) OVER (PARTITION BY lead_id ORDER BY recorded_at, offset, `index` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stage_before
        FROM
        (
            SELECT lead_id, to_stage AS stage, occurred_at AS entered_at, recorded_at, offset, `index`
            FROM transitions_by_lead
            UNION ALL
            SELECT lead_id, 'visitor', ifNull(first_touch_at, stage_since), toDateTime64(0, 3, 'UTC'), 0, 0
            FROM profiles FINAL
            WHERE forwarded_to = ''
        )
    )
    WHERE stage != stage_before
    WINDOW later AS (PARTITION BY lead_id ORDER BY recorded_at, offset, `index` ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
);

-- How long leads stay, per stage and where they went from it ('' for those who are still there).
CREATE OR REPLACE VIEW time_in_stage_medians AS
SELECT stage, left_to, count() AS stays, quantileExactInclusive(0.5)(days) AS median_days, quantileExactInclusive(0.9)(days) AS p90_days
FROM time_in_stage
GROUP BY stage, left_to
ORDER BY stage, left_to;

-- Days between a lead's first entries into two stages, whatever lay between: mql to customer is the time to close.
CREATE OR REPLACE VIEW days_between_stages AS
SELECT
    lead_id,
    entries[pair.1].3 AS from_stage,
    entries[pair.2].3 AS to_stage,
    dateDiff('millisecond', entries[pair.1].1, entries[pair.2].1) / 86400000 AS days
FROM
(
    SELECT lead_id, arraySort(groupArray((first_entered_at, rank, stage))) AS entries
    FROM (SELECT lead_id, stage, min(entered_at) AS first_entered_at FROM time_in_stage GROUP BY lead_id, stage) AS entry
    LEFT JOIN (SELECT stage, rank FROM stages FINAL) AS known ON entry.stage = known.stage
    GROUP BY lead_id
)
ARRAY JOIN arrayFlatten(arrayMap(one -> arrayMap(other -> (one, other), range(one + 1, length(entries) + 1)), arrayEnumerate(entries))) AS pair;

CREATE OR REPLACE VIEW stage_velocity AS
SELECT from_stage, to_stage, count() AS leads, quantileExactInclusive(0.5)(days) AS median_days, quantileExactInclusive(0.9)(days) AS p90_days
FROM days_between_stages
GROUP BY from_stage, to_stage
ORDER BY from_stage, to_stage;

-- Which road led to which transition: the channel and campaign of the last touch before it.
CREATE OR REPLACE VIEW transitions_by_channel AS
SELECT channel, campaign, from_stage, to_stage, count() AS transitions, uniqExact(lead_id) AS leads, countIf(imported) AS imported
FROM transitions_by_lead
GROUP BY channel, campaign, from_stage, to_stage
ORDER BY transitions DESC, channel, campaign, from_stage, to_stage;

-- Which road brought the leads in, and how far they came.
CREATE OR REPLACE VIEW first_touch_by_channel AS
WITH (SELECT mapFromArrays(groupArray(toString(stage)), groupArray(rank)) FROM stages FINAL) AS ranks
SELECT
    profile.first_channel AS channel,
    profile.first_campaign AS campaign,
    count() AS leads,
    countIf(reached.furthest >= ranks['mql']) AS reached_mql,
    countIf(reached.furthest >= ranks['sql']) AS reached_sql,
    countIf(reached.furthest >= ranks['customer']) AS customers
FROM profiles AS profile FINAL
INNER JOIN stages_reached AS reached ON profile.lead_id = reached.lead_id
WHERE profile.forwarded_to = ''
GROUP BY channel, campaign
ORDER BY leads DESC, channel, campaign;

-- One in is exactly one of counted, duplicate, dead-lettered, or still waiting (under way, or for its import to get
-- there). `counted_twice` and `unexplained` are 0, or a promise is broken: a touchpoint counted more than once, and
-- outcomes of touchpoints that never arrived (for moments also while the sink is behind).
CREATE OR REPLACE VIEW ledger AS
WITH
    letters AS
    (
        SELECT hop, topic, assumeNotNull(partition) AS partition, assumeNotNull(offset) AS offset
        FROM dead_letters FINAL
        WHERE topic != ''
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
            SELECT cityHash64(event_id) AS event, 1 AS arrived, (topic, partition, offset) IN (SELECT topic, partition, offset FROM letters) AS dead, 0 AS counts, 0 AS repeats
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
            uniqExactIf((topic, partition, offset), topic LIKE '%touchpoints.%' AND (topic, partition, offset) NOT IN (SELECT topic, partition, offset FROM touchpoints)) AS unreadable,
            uniqExactIf((topic, partition, offset), topic LIKE '%leads.inbox') AS undecided
        FROM letters
    )
SELECT
    toInt64(all_came + unreadable) AS touchpoints,
    toInt64(all_counted) AS counted,
    toInt64(all_repeated) AS duplicates,
    toInt64(all_died + unreadable + undecided) AS dead_lettered,
    touchpoints - counted - duplicates - dead_lettered + unexplained AS waiting,
    toInt64(surplus) AS unexplained,
    toInt64(again) AS counted_twice,
    toInt64((SELECT count() FROM dead_letters FINAL WHERE hop = 'collect')) AS dead_lettered_at_the_door
FROM totals
CROSS JOIN beside;

-- Every live lead's score, touches and stage folded anew from the facts, against what the stream says in its profile.
-- A lead that was forwarded and handed over starts anew after that. Facts beyond the profile are left out, so the only
-- cause of a passing drift is a sink that has written the profile before the facts behind it.
CREATE OR REPLACE VIEW drift AS
WITH
    live AS (SELECT lead_id, stage, score, touches, as_of, offset FROM profiles FINAL WHERE forwarded_to = ''),
    handed AS
    (
        SELECT lead_id, max((offset, `index`)) AS at
        FROM facts
        WHERE fact = 'lead_forwarded' AND handed_over
        GROUP BY lead_id
    ),
    folded AS
    (
        SELECT
            fact.lead_id AS lead_id,
            sum(arraySum((points, half_life_s, as_of) -> points * if(half_life_s = 0, 1, exp2(-dateDiff('millisecond', as_of, live.as_of) / 1000 / half_life_s)),
                fact.sums.points, fact.sums.half_life_s, fact.sums.as_of)) AS score,
            sum(if(fact.fact = 'touchpoint_counted', 1, ifNull(fact.touches, 0))) AS touches,
            argMaxIf(fact.to_stage, (fact.offset, fact.`index`), fact.fact = 'stage_changed') AS stage
        FROM facts AS fact FINAL
        INNER JOIN live ON fact.lead_id = live.lead_id
        LEFT JOIN handed ON fact.lead_id = handed.lead_id
        WHERE fact.fact IN ('touchpoint_counted', 'identity_merged', 'stage_changed')
            AND fact.offset < live.offset
            AND (handed.lead_id = '' OR (fact.offset, fact.`index`) > handed.at)
        GROUP BY lead_id
    )
SELECT
    live.lead_id AS lead_id,
    live.score AS stream_score,
    folded.score AS facts_score,
    abs(stream_score - facts_score) AS drift,
    live.touches AS stream_touches,
    folded.touches AS facts_touches,
    live.stage AS stream_stage,
    if(folded.stage = '', 'visitor', folded.stage) AS facts_stage
FROM live
LEFT JOIN folded ON live.lead_id = folded.lead_id;

CREATE OR REPLACE VIEW drift_max AS
SELECT
    count() AS leads,
    max(drift) AS drift_max,
    countIf(drift > 1e-6 OR stream_touches != facts_touches OR stream_stage != facts_stage) AS leads_adrift
FROM drift;
