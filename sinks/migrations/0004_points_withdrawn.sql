-- Points may be taken back: of touchpoints that turned out to be no person's (clicks of security scanners). The fact holds
-- them with their sign turned, so that they add up with the others.

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
        WHERE fact.fact IN ('touchpoint_counted', 'points_withdrawn', 'identity_merged', 'stage_changed')
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

-- Touchpoints that turned out to be no person's, and why. They are counted all the same, and are worth nothing.
CREATE OR REPLACE VIEW touchpoints_by_machines AS
SELECT
    told.lead_id AS lead_id,
    told.reason AS reason,
    touchpoint.* EXCEPT (contact, inserted_at)
FROM touchpoints AS touchpoint FINAL
INNER JOIN
(
    SELECT lead_id, reason, arrayJoin(event_keys.key) AS event_key
    FROM facts FINAL
    WHERE fact = 'points_withdrawn'
) AS told ON reinterpretAsInt64(reverse(unhex(substring(touchpoint.event_id, 1, 16)))) = told.event_key;
