package bench;

import java.util.Map;
import org.apache.avro.util.Utf8;

/**
 * The scoring model of tests/bench/model.yaml, once more: points of one kind of touchpoint where a property begins with the
 * prefix or is large enough. Whoever changes one of the two changes both, or the bench calls the output wrong.
 */
record Rule(String name, String kind, Utf8 property, String prefix, double least, double points, long days, int enters) {
    static final String MODEL = "bench@1";
    static final String[] STAGES = {"visitor", "mql", "sql", "customer"};
    /** The score that is enough for a stage; none is for the first and the last. */
    static final double[] ENTER_AT = {Double.NaN, 40, 120, Double.NaN};
    static final int ENTERED_BY_SCORE = 2;
    static final Rule[] ALL = {
        new Rule("page_view", "page_view", null, null, 0, 1, 14, 0),
        new Rule("pricing_page", "page_view", new Utf8("path"), "/pricing", 0, 10, 14, 0),
        new Rule("documentation", "page_view", new Utf8("path"), "/docs", 0, 3, 21, 0),
        new Rule("search", "search_performed", null, null, 0, 3, 14, 0),
        new Rule("email_opened", "email_opened", null, null, 0, 1, 7, 0),
        new Rule("email_clicked", "email_clicked", null, null, 0, 4, 21, 0),
        new Rule("video_watched", "video_watched", new Utf8("percent"), null, 75, 15, 30, 0),
        new Rule("ebook", "ebook_downloaded", null, null, 0, 20, 60, 1),
        new Rule("demo_booked", "demo_booked", null, null, 0, 80, 90, 2),
    };

    /** Whether a touchpoint of this kind, with these properties, earns the points. */
    boolean matches(String touched, Map<?, ?> properties) {
        if (!kind.equals(touched)) {
            return false;
        }
        if (property == null) {
            return true;
        }
        Object value = properties.get(property);
        if (value == null) {
            return false;
        }
        return prefix != null ? value.toString().startsWith(prefix) : Double.parseDouble(value.toString()) >= least;
    }

    long halfLifeS() {
        return days * 86_400;
    }

    /** What is left of one point after so many milliseconds. */
    double left(long ms) {
        return Math.pow(2, -ms / (days * 86_400_000.0));
    }
}
