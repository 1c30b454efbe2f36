import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** The arguments are URLs, each followed by a fault to ask for; prints for each what HttpClient makes of it. */
class Seen {
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    public static void main(String[] words) throws InterruptedException {
        for (int index = 0; index < words.length; index += 2) System.out.println(ask(words[index], words[index + 1]));
    }

    private static String ask(String url, String fault) throws InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(url))
                .method("PATCH", BodyPublishers.ofString("[]"))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofMillis(fault.equals("stall") ? 200 : 10_000));
        if (!fault.isEmpty()) request.header("X-Mock-Fault", fault);
        try {
            return "" + HTTP.send(request.build(), BodyHandlers.ofString()).statusCode();
        } catch (IOException problem) {
            return problem.getClass().getSimpleName() + ": " + problem.getMessage();
        }
    }
}
