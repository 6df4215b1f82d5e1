package bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** One kind of Avro record in single-object encoding: C3 01, the schema's fingerprint, the body. For one thread. */
final class Records {
    final Schema schema;
    private final byte[] header = new byte[10];
    private final GenericDatumReader<GenericRecord> reader;
    private final GenericDatumWriter<GenericRecord> writer;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;
    private GenericRecord last;

    Records(Path file) {
        try {
            schema = new Schema.Parser().parse(Files.readString(file));
            header[0] = (byte) 0xC3;
            header[1] = 1;
            System.arraycopy(SchemaNormalization.parsingFingerprint("CRC-64-AVRO", schema), 0, header, 2, 8);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
        reader = new GenericDatumReader<>(schema);
        writer = new GenericDatumWriter<>(schema);
    }

    /** Read a record; it is this one's own, and changes at the next call. */
    GenericRecord read(byte[] bytes) {
        for (int i = 0; i < header.length; i++) {
            if (bytes[i] != header[i]) {
                throw new IllegalArgumentException("not a " + schema.getFullName());
            }
        }
        try {
            decoder = DecoderFactory.get().binaryDecoder(bytes, header.length, bytes.length - header.length, decoder);
            last = reader.read(last, decoder);
            return last;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    byte[] write(GenericRecord record) {
        try {
            out.reset();
            out.write(header);
            encoder = EncoderFactory.get().directBinaryEncoder(out, encoder);
            writer.write(record, encoder);
            return out.toByteArray();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
