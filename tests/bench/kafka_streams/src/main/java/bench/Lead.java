package bench;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What a decision needs to know of a lead: a fading sum per rule, and the touchpoints already counted. */
final class Lead {
    static final Serde<Lead> SERDE = Serdes.serdeFrom((topic, lead) -> lead == null ? null : lead.write(), (topic, bytes) -> bytes == null ? null : read(bytes));
    private static final int RECENT_MAX = 512;

    long now;
    int stage;
    int touches;
    private final double[] value = new double[Rule.ALL.length];
    private final long[] asOf = new long[Rule.ALL.length];
    private final int[] count = new int[Rule.ALL.length];
    private long[] recent = new long[8];
    private int recents;

    boolean knows(long key) {
        for (int i = 0; i < recents; i++) {
            if (recent[i] == key) {
                return true;
            }
        }
        return false;
    }

    void remember(long key) {
        if (recents == RECENT_MAX) {
            System.arraycopy(recent, 1, recent, 0, --recents);
        }
        if (recents == recent.length) {
            recent = Arrays.copyOf(recent, 2 * recents);
        }
        recent[recents++] = key;
    }

    void add(int rule, double points, long at) {
        long ahead = at - asOf[rule];
        if (count[rule]++ == 0) {
            value[rule] = points;
            asOf[rule] = at;
        } else if (ahead >= 0) {
            value[rule] = value[rule] * Rule.ALL[rule].left(ahead) + points;
            asOf[rule] = at;
        } else {
            value[rule] += points * Rule.ALL[rule].left(-ahead);
        }
    }

    double total(long at) {
        double sum = 0;
        for (int rule = 0; rule < value.length; rule++) {
            if (count[rule] > 0) {
                sum += value[rule] * Rule.ALL[rule].left(at - asOf[rule]);
            }
        }
        return sum;
    }

    private byte[] write() {
        int sums = 0;
        for (int each : count) {
            sums += each > 0 ? 1 : 0;
        }
        ByteBuffer out = ByteBuffer.allocate(16 + sums * 21 + recents * 8);
        out.putLong(now).put((byte) stage).putInt(touches).put((byte) sums);
        for (int rule = 0; rule < value.length; rule++) {
            if (count[rule] > 0) {
                out.put((byte) rule).putDouble(value[rule]).putLong(asOf[rule]).putInt(count[rule]);
            }
        }
        out.putShort((short) recents);
        for (int i = 0; i < recents; i++) {
            out.putLong(recent[i]);
        }
        return out.array();
    }

    private static Lead read(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        Lead lead = new Lead();
        lead.now = in.getLong();
        lead.stage = in.get();
        lead.touches = in.getInt();
        for (int sums = in.get(); sums > 0; sums--) {
            int rule = in.get();
            lead.value[rule] = in.getDouble();
            lead.asOf[rule] = in.getLong();
            lead.count[rule] = in.getInt();
        }
        lead.recents = in.getShort();
        lead.recent = new long[Math.max(8, lead.recents + 1)];
        for (int i = 0; i < lead.recents; i++) {
            lead.recent[i] = in.getLong();
        }
        return lead;
    }
}
