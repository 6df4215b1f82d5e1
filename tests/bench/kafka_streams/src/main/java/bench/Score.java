package bench;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Decides one touchpoint at a time, in its lead's order: a subset of processors.decision.handle. */
final class Score implements Processor<String, byte[], String, byte[]> {
    static final String STORE = "leads";
    private final Records touchpoints;
    private final Records facts;
    private final Schema sums;
    private final MessageDigest digest;
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Lead> leads;
    private int told;

    Score(Path schemas) {
        touchpoints = new Records(schemas.resolve("touchpoint.v1.avsc"));
        facts = new Records(schemas.resolve("fact.v1.avsc"));
        sums = facts.schema.getField("sums").schema().getElementType();
        try {
            digest = MessageDigest.getInstance("MD5"); // ids as wide as BLAKE2b's 128 bits, which the JDK does not have
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
        this.context = context;
        leads = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, byte[]> record) {
        GenericRecord touchpoint = touchpoints.read(record.value());
        String event = touchpoint.get("event_id").toString();
        long key = Long.parseUnsignedLong(event, 0, 16, 16);
        Lead found = leads.get(record.key());
        Lead lead = found == null ? new Lead() : found;
        told = 0;
        if (lead.knows(key)) {
            GenericRecord fact = fact(record, "touchpoint_duplicated", event, lead.now);
            fact.put("kind", touchpoint.get("kind"));
            tell(record, fact);
            return;
        }
        lead.now = Math.max(lead.now, (long) touchpoint.get("received_at"));
        long occurredAt = Math.min((long) touchpoint.get("occurred_at"), lead.now);
        Rule converted = count(record, touchpoint, lead, event, occurredAt);
        lead.remember(key);
        if (converted != null && converted.enters() > lead.stage) {
            move(record, lead, event, converted.enters(), converted.name(), occurredAt);
        }
        for (int stage = Rule.ENTERED_BY_SCORE; stage > lead.stage; stage--) {
            if (lead.total(lead.now) >= Rule.ENTER_AT[stage]) {
                move(record, lead, event, stage, null, occurredAt);
            }
        }
        leads.put(record.key(), lead);
    }

    /** Add what the touchpoint earns, tell it, and return the rule whose conversion enters the furthest stage. */
    private Rule count(Record<String, byte[]> record, GenericRecord touchpoint, Lead lead, String event, long occurredAt) {
        String kind = touchpoint.get("kind").toString();
        Map<?, ?> properties = (Map<?, ?>) touchpoint.get("properties");
        List<GenericRecord> earned = new ArrayList<>(4);
        Rule converted = null;
        for (int r = 0; r < Rule.ALL.length; r++) {
            Rule rule = Rule.ALL[r];
            if (rule.matches(kind, properties)) {
                lead.add(r, rule.points(), occurredAt);
                earned.add(sum(rule, occurredAt));
                converted = rule.enters() > (converted == null ? 0 : converted.enters()) ? rule : converted;
            }
        }
        lead.touches++;
        GenericRecord fact = fact(record, "touchpoint_counted", event, lead.now);
        fact.put("kind", kind);
        fact.put("channel", touchpoint.get("channel"));
        fact.put("campaign", touchpoint.get("campaign"));
        fact.put("occurred_at", occurredAt);
        fact.put("sums", earned);
        tell(record, fact);
        return converted;
    }

    private void move(Record<String, byte[]> record, Lead lead, String event, int to, String rule, long occurredAt) {
        String from = Rule.STAGES[lead.stage];
        GenericRecord fact = fact(record, "stage_changed", event, lead.now);
        fact.put("transition_id", hash(record.key(), event, from, Rule.STAGES[to]));
        fact.put("from_stage", from);
        fact.put("to_stage", Rule.STAGES[to]);
        fact.put("reason", rule == null ? "score" : "conversion");
        fact.put("rule", rule);
        fact.put("effective_at", lead.now);
        fact.put("occurred_at", occurredAt);
        fact.put("score", lead.total(lead.now));
        fact.put("grade", "D");
        tell(record, fact);
        lead.stage = to;
    }

    private GenericRecord fact(Record<String, byte[]> record, String name, String event, long at) {
        GenericRecord fact = new GenericData.Record(facts.schema);
        fact.put("fact_id", hash(record.key(), event, name, ""));
        fact.put("lead_id", record.key());
        fact.put("fact", name);
        fact.put("event_id", event);
        fact.put("recorded_at", at);
        fact.put("model", Rule.MODEL);
        context.recordMetadata().ifPresent(position -> {
            fact.put("partition", position.partition());
            fact.put("offset", position.offset());
        });
        fact.put("index", told);
        for (String list : new String[] {"sums", "caps", "event_keys"}) {
            fact.put(list, List.of());
        }
        fact.put("attributes", Map.of());
        fact.put("criteria", Map.of());
        return fact;
    }

    private GenericRecord sum(Rule rule, long at) {
        GenericRecord sum = new GenericData.Record(sums);
        sum.put("rule", rule.name());
        sum.put("points", rule.points());
        sum.put("as_of", at);
        sum.put("half_life_s", rule.halfLifeS());
        sum.put("count", 1);
        sum.put("window", -1L);
        sum.put("once", false);
        return sum;
    }

    private void tell(Record<String, byte[]> record, GenericRecord fact) {
        told++;
        context.forward(record.withValue(facts.write(fact)));
    }

    private String hash(String lead, String event, String one, String other) {
        String parts = String.join("\0", lead, event, Rule.MODEL, one, other);
        return HexFormat.of().formatHex(digest.digest(parts.getBytes(StandardCharsets.UTF_8)));
    }
}
