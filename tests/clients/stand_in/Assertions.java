package org.junit.jupiter.api;

public class Assertions {
    public static void assertEquals(Object expected, Object actual) {
        assertEquals(expected, actual, "it differs");
    }

    public static void assertEquals(Object expected, Object actual, String message) {
        if (!expected.equals(actual)) throw new AssertionError(message + ": " + actual + " instead of " + expected);
    }
}
