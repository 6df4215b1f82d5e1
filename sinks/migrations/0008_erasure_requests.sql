-- People who want to be forgotten and are still here: which lead each is now, under which names, who told it and when. Once
-- the person's touchpoints are erased, this one among them, the request is no longer listed.
CREATE OR REPLACE VIEW erasure_requests AS
SELECT
    if(ids.survivor = '', asked.lead_id, ids.survivor) AS lead_id,
    arrayDistinct(arrayConcat([lead_id, any(asked.lead_id)], any(others.names))) AS names,
    asked.source AS source,
    min(asked.occurred_at) AS requested_at,
    min(asked.received_at) AS received_at,
    asked.event_id AS event_id
FROM
(
    SELECT multiIf(email_hash != '', 'e:' || email_hash, crm_id != '', 'c:' || crm_id, 'v:' || visitor_id) AS lead_id, source, event_id, occurred_at, received_at
    FROM touchpoints
    WHERE kind = 'erasure_requested'
) AS asked
LEFT JOIN lead_ids AS ids ON asked.lead_id = ids.lead_id
LEFT JOIN (SELECT survivor, arraySort(groupArray(lead_id)) AS names FROM lead_ids GROUP BY survivor) AS others ON others.survivor = if(ids.survivor = '', asked.lead_id, ids.survivor)
GROUP BY lead_id, source, event_id
ORDER BY requested_at, lead_id, event_id;
