import { crc32, gunzipSync } from 'node:zlib';
import { messageOf } from '../lib/errors.ts';

/** 20 times what a busy server's profile has unzipped; a bomb stops here. */
const maxPlainBytes = 256 * 1024 * 1024;

/** CRC-32 and length of the content, RFC 1952, 2.3.1. */
const trailerBytes = 8;

/**
 * The plain protobuf of a gzipped profile. Protobuf has no end: a decoder takes most prefixes of a
 * profile for a smaller profile. So the file must be one whole gzip member, its trailer the last
 * bytes of the file.
 * @throws Error for a file that is cut short, damaged, followed by anything, not gzipped, or larger
 *   than `limitBytes` when unzipped
 */
export function gunzipProfile(bytes: Uint8Array, limitBytes = maxPlainBytes): Uint8Array {
  if (bytes.length === 0) {
    throw new Error('the profile is an empty file');
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    throw new Error('the profile is not gzipped, so that nothing would tell whether it is whole');
  }
  let plain: Buffer;
  try {
    plain = gunzipSync(bytes, { maxOutputLength: limitBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Error(`the profile is larger than ${limitBytes} bytes when unzipped`);
    }
    throw new Error(`the profile is cut short or damaged: ${messageOf(error)}`);
  }
  const trailer = Buffer.from(bytes.buffer, bytes.byteOffset + bytes.length - trailerBytes);
  if (trailer.readUInt32LE(0) !== crc32(plain) || trailer.readUInt32LE(4) !== plain.length) {
    throw new Error('the profile is followed by bytes that do not belong to it');
  }
  return plain;
}
