package bench;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.state.Stores;

/**
 * The peer on the JVM: touchpoints in, facts out, leads in a RocksDB store with its cache and its changelog.
 * Arguments: BOOTSTRAP PREFIX SCHEMAS STATE_FOLDER COMMIT_EVERY_MS HOP ("score", or "identify+score": re-keyed to the lead first).
 */
public final class Job {
    private static final int PARTITIONS = 8;

    public static void main(String[] args) {
        String bootstrap = args[0], prefix = args[1], hop = args[5];
        Path schemas = Path.of(args[2]);
        Properties settings = new Properties();
        settings.putAll(Map.of(
            StreamsConfig.APPLICATION_ID_CONFIG, prefix + "streams",
            StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap,
            StreamsConfig.STATE_DIR_CONFIG, args[3],
            StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, args[4],
            StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1,
            "auto.offset.reset", "earliest"));
        KafkaStreams streams = new KafkaStreams(topology(prefix, schemas, hop.startsWith("identify")).build(), settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(15))));
        streams.start();
    }

    private static StreamsBuilder topology(String prefix, Path schemas, boolean identify) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(Score.STORE), Serdes.String(), Lead.SERDE)
            .withCachingEnabled().withLoggingEnabled(Map.of()));
        KStream<String, byte[]> touchpoints = builder.stream(prefix + "touchpoints.web", Consumed.with(Serdes.String(), Serdes.ByteArray()));
        if (identify) {
            Records records = new Records(schemas.resolve("touchpoint.v1.avsc")); // one stream thread, so it may be shared
            touchpoints = touchpoints.selectKey((key, value) -> lead(records.read(value)))
                .repartition(Repartitioned.with(Serdes.String(), Serdes.ByteArray()).withName("lead").withNumberOfPartitions(PARTITIONS));
        }
        touchpoints.process(() -> new Score(schemas), Score.STORE)
            .to(prefix + "leads.events", Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder;
    }

    /** The lead that a touchpoint names: its weakest identifier. */
    private static String lead(GenericRecord touchpoint) {
        Object visitor = touchpoint.get("visitor_id"), crm = touchpoint.get("crm_id");
        return visitor != null ? "v:" + visitor : crm != null ? "c:" + crm : "e:" + touchpoint.get("email_hash");
    }
}
