/**
 * Protobuf on the wire (protobuf.dev/programming-guides/encoding), as far as profile.proto needs it:
 * varints and length-delimited fields are read, fixed ones skipped. What is not well-formed throws.
 */

const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const two32 = 2 ** 32;

/** A position in a message. Varints come as two unsigned halves, so that 64 bits stay exact. */
export class WireReader {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  /** Halves of the varint that was read last. */
  low = 0;
  high = 0;
  /** Of the field that {@link next} came to. */
  field = 0;
  type = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.position = 0;
    this.end = bytes.length;
  }

  /** Confines the reader to a message inside its bytes. */
  enter(start: number, end: number): this {
    this.position = start;
    this.end = end;
    return this;
  }

  /** Reads the next field's number and wire type; false at the end of the message. */
  next(): boolean {
    if (this.position >= this.end) {
      return false;
    }
    this.varint();
    this.field = this.low >>> 3;
    this.type = this.low & 7;
    if (this.high !== 0 || this.field === 0) {
      throw new Error(`the profile is damaged: a field has the number ${this.field}`);
    }
    return true;
  }

  varint(): void {
    const { bytes, position, end } = this;
    // Nearly all ids and indices have one or two bytes.
    const first = bytes[position] as number;
    const second = bytes[position + 1] as number;
    if (first < 0x80 && position < end) {
      this.position = position + 1;
      this.low = first;
      this.high = 0;
    } else if (second < 0x80 && position + 1 < end) {
      this.position = position + 2;
      this.low = (first & 0x7f) | (second << 7);
      this.high = 0;
    } else {
      this.longVarint();
    }
  }

  private longVarint(): void {
    const { bytes, end } = this;
    let at = this.position;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) {
        throw new Error('the profile is cut short within a number');
      }
      const byte = bytes[at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) {
        high |= bits << (shift - 32);
      } else if (shift > 63 || byte > 1) {
        throw new Error('the profile is damaged: a number has more than 64 bits');
      } else {
        high |= bits << 31;
      }
      if (byte < 0x80) {
        break;
      }
    }
    this.position = at;
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  /** The value of a varint field as a signed 64-bit integer. */
  int64(): bigint {
    this.expect(wireType.varint);
    this.varint();
    return this.lastInt64();
  }

  /** The varint that was read last, as a signed 64-bit integer. */
  lastInt64(): bigint {
    return this.high === 0
      ? BigInt(this.low)
      : BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low));
  }

  /** The value of a varint field that must be an exact, not negative number: ids, indices, lines. */
  natural(): number {
    this.expect(wireType.varint);
    this.varint();
    return this.lastNatural();
  }

  lastNatural(): number {
    if (this.high > 0x1f_ffff) {
      throw new Error(
        `the profile is damaged: ${this.lastInt64()} where a count, an id or an index belongs`,
      );
    }
    return this.high * two32 + this.low;
  }

  /** The end of a length-delimited field whose content begins at `position`. */
  contentEnd(): number {
    this.expect(wireType.bytes);
    this.varint();
    const end = this.position + this.lastNatural();
    if (end > this.end) {
      throw new Error(`the profile is cut short: field ${this.field} ends beyond its message`);
    }
    return end;
  }

  /**
   * The end of a repeated field of numbers, packed or a single one: while `position` is before it,
   * there is a varint to read.
   */
  numbersEnd(): number {
    if (this.type === wireType.bytes) {
      return this.contentEnd();
    }
    this.expect(wireType.varint);
    return this.position + 1;
  }

  /** Leaves out a field that is not wanted or not known. */
  skip(): void {
    switch (this.type) {
      case wireType.varint:
        this.varint();
        return;
      case wireType.bytes:
        this.position = this.contentEnd();
        return;
      case wireType.fixed64:
      case wireType.fixed32:
        this.position += this.type === wireType.fixed64 ? 8 : 4;
        break;
      default:
        throw new Error(`the profile is damaged: field ${this.field} has wire type ${this.type}`);
    }
    if (this.position > this.end) {
      throw new Error(`the profile is cut short within field ${this.field}`);
    }
  }

  private expect(type: number): void {
    if (this.type !== type) {
      throw new Error(
        `the profile is damaged: field ${this.field} has wire type ${this.type}, not ${type}`,
      );
    }
  }
}
