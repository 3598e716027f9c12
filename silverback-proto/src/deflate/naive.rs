//! Inflates bit by bit, just as RFC 1951 says it, and refuses what reaches beyond the window: the measure for tests.

/// One stream, from its first message on.
pub(super) struct Naive {
    output: Vec<u8>,
    window: usize,
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A canonical Huffman code: how many symbols have each length, and the symbols in order (3.2.2).
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Naive {
    pub(super) fn new(window_bits: u8) -> Self {
        Self { output: Vec::new(), window: 1 << window_bits }
    }

    /// Inflates a message with its tail, which ends a block at the end of a byte.
    pub(super) fn message(&mut self, compressed: &[u8]) -> Vec<u8> {
        let (mut bits, start) = (Bits { bytes: compressed, at: 0 }, self.output.len());
        while bits.at < compressed.len() * 8 {
            assert_eq!(bits.take(1), 0, "a final block");
            match bits.take(2) {
                0 => self.stored(&mut bits),
                1 => self.coded(&mut bits, &fixed_lengths(), &[5; 30]),
                2 => {
                    let (literals, distances) = dynamic_lengths(&mut bits);
                    self.coded(&mut bits, &literals, &distances);
                }
                _ => panic!("no such block"),
            }
        }
        self.output[start..].to_vec()
    }

    fn stored(&mut self, bits: &mut Bits<'_>) {
        bits.at = bits.at.next_multiple_of(8);
        let (len, complement) = (bits.take(16), bits.take(16));
        assert_eq!(len ^ complement, 0xFFFF);
        for _ in 0..len {
            self.output.push(bits.take(8) as u8);
        }
    }

    fn coded(&mut self, bits: &mut Bits<'_>, literals: &[usize], distances: &[usize]) {
        let (literals, distances) = (Code::new(literals), Code::new(distances));
        loop {
            match bits.symbol(&literals) {
                byte @ 0..256 => self.output.push(byte as u8),
                256 => return,
                symbol => {
                    let len = length(symbol, bits);
                    let symbol = bits.symbol(&distances);
                    self.repeat(len, distance(symbol, bits));
                }
            }
        }
    }

    fn repeat(&mut self, len: usize, distance: usize) {
        assert!(distance <= self.window, "{distance} bytes back in a window of {}", self.window);
        for _ in 0..len {
            self.output.push(self.output[self.output.len() - distance]);
        }
    }
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        (0..count).fold(0, |value, place| value | self.bit() << place)
    }

    fn bit(&mut self) -> usize {
        let bit = self.bytes[self.at / 8] >> (self.at % 8) & 1;
        self.at += 1;
        bit.into()
    }

    fn symbol(&mut self, code: &Code) -> usize {
        let (mut word, mut first, mut index) = (0, 0, 0);
        for count in &code.counts[1..] {
            word = word << 1 | self.bit();
            first <<= 1;
            if word < first + count {
                return code.symbols[index + word - first];
            }
            (index, first) = (index + count, first + count);
        }
        panic!("no such code")
    }
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        lengths.iter().filter(|len| **len > 0).for_each(|len| counts[*len] += 1);
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|symbol| lengths[*symbol] > 0).collect();
        symbols.sort_by_key(|symbol| lengths[*symbol]);
        Self { counts, symbols }
    }
}

/// 3.2.6.
fn fixed_lengths() -> Vec<usize> {
    [vec![8; 144], vec![9; 112], vec![7; 24], vec![8; 8]].concat()
}

/// 3.2.7.
fn dynamic_lengths(bits: &mut Bits<'_>) -> (Vec<usize>, Vec<usize>) {
    let (literals, distances, count) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let mut lengths = [0; 19];
    for place in &[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15][..count] {
        lengths[*place] = bits.take(3);
    }
    let (code, mut lengths) = (Code::new(&lengths), Vec::new());
    while lengths.len() < literals + distances {
        let (value, times) = match bits.symbol(&code) {
            16 => (lengths[lengths.len() - 1], 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            len => (len, 1),
        };
        lengths.extend(std::iter::repeat_n(value, times));
    }
    let distances = lengths.split_off(literals);
    (lengths, distances)
}

/// 3.2.5: after the first codes each group has one extra bit more than the one before it.
fn length(symbol: usize, bits: &mut Bits<'_>) -> usize {
    match symbol - 257 {
        28 => 258,
        code @ 0..8 => code + 3,
        code => 3 + ((4 + code % 4) << (code / 4 - 1)) + bits.take(code / 4 - 1),
    }
}

fn distance(symbol: usize, bits: &mut Bits<'_>) -> usize {
    match symbol {
        0..4 => symbol + 1,
        _ => 1 + ((2 + symbol % 2) << (symbol / 2 - 1)) + bits.take(symbol / 2 - 1),
    }
}
