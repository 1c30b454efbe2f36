// Change a profile's type, hide the profile and bring it back, in JSON and then in XML.
// Usage: java Application.java URL CLIENT USER TYPE ID, with the user's key in the environment as SECRET_KEY.

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Application {
    static final HttpClient HTTP = HttpClient.newHttpClient();
    static String url, client, user, place;

    static String authorization() throws Exception {
        String stamp = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(System.getenv("SECRET_KEY").getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        byte[] digest = mac.doFinal((client + ":" + user + ":" + stamp).getBytes(StandardCharsets.UTF_8));
        String signature = Base64.getEncoder().encodeToString(digest);
        return "PNAUTHINFO3-HMAC-SHA256 Credential=" + user + "/" + stamp + " Signature=" + signature;
    }

    static HttpResponse<String> send(String form, String method, String path, String body) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + "/" + client + "/Profile/" + path))
            .header("Authorization", authorization())
            .header("Accept", "application/" + form);
        if (body != null) {
            request.header("Content-Type", "application/" + form);
        }
        request.method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        return HTTP.send(request.build(), BodyHandlers.ofString());
    }

    static HttpResponse<String> patch(String form, String value) throws Exception {
        String body = "[{\"op\": \"replace\", \"path\": \"/CustomerType\", \"value\": \"" + value + "\"}]";
        if (form.equals("xml")) {
            String root = "JsonPatchDocumentOfUserProfile5B0F46o8";
            String namespace = "http://schemas.datacontract.org/2004/07/Microsoft.AspNetCore.JsonPatch";
            body = "<" + root + " xmlns=\"" + namespace + "\"><Operations><OperationOfUserProfile><op>replace</op>"
                + "<path>/CustomerType</path><value>" + value + "</value></OperationOfUserProfile></Operations></"
                + root + ">";
        }
        return send(form, "PATCH", place, body);
    }

    static String member(String form, String profile, String name) {
        String pattern = form.equals("json")
            ? "\"" + name + "\": ?\"?([^\",}]*)"
            : "<" + name + ">([^<]*)</" + name + ">";
        Matcher found = Pattern.compile(pattern).matcher(profile);
        return found.find() ? found.group(1) : "";
    }

    static void tell(String form, String what, HttpResponse<String> answer, boolean profile) {
        String known = profile && answer.statusCode() == 200 ? " " + member(form, answer.body(), "CustomerType") : "";
        System.out.println(form + ": " + what + " " + answer.statusCode() + known);
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    public static void main(String[] arguments) throws Exception {
        url = arguments[0];
        client = arguments[1];
        user = arguments[2];
        place = "AlternateIdType/" + encoded(arguments[3]) + "/AlternateId/" + encoded(arguments[4]);
        String[][] forms = {{"json", "Prospect"}, {"xml", "Lead"}};
        for (String[] row : forms) {
            String form = row[0];
            HttpResponse<String> first = send(form, "GET", place, null);
            tell(form, "read", first, true);
            String number = member(form, first.body(), "ProfileId");
            tell(form, "patch", patch(form, row[1]), true);
            tell(form, "read back", send(form, "GET", place, null), true);
            tell(form, "deactivate", send(form, "POST", number + "/Deactivate", null), false);
            tell(form, "patch", patch(form, "Nobody"), true);
            tell(form, "activate", send(form, "POST", number + "/Activate", null), false);
            tell(form, "read", send(form, "GET", place, null), true);
        }
    }
}
