import org.junit.jupiter.api.Test;

/** Runs each test on an object of its own, as JUnit does. */
class RunTests {
    public static void main(String[] none) throws Exception {
        for (var method : MyPreferencesTest.class.getDeclaredMethods()) {
            if (!method.isAnnotationPresent(Test.class)) continue;
            method.invoke(new MyPreferencesTest());
            System.out.println("ok " + method.getName());
        }
    }
}
